//! Generation: answers the messages of one arbiter, until a reload replaces it.

use std::sync::Arc;

use crate::{route::Routes, trace::Traces};

/// What answers the messages of one arbiter. A connection takes the one of the moment for a wake-up, and
/// keeps none while it sleeps; a call in flight keeps its route alone.
pub(crate) struct Generation {
    /// 1 for the first one, and 1 more for each next one.
    pub(crate) number: u64,
    pub(crate) routes: Routes,
    /// How NOTIFYs become spans, if they do.
    pub(crate) traces: Option<Arc<Traces>>,
}
