//! Generation: what answers the messages of one arbiter until a reload puts another one in its place.

use std::sync::Arc;

use crate::{route::Routes, trace::Traces};

/// What answers the messages of one arbiter. A connection takes the one of the moment for a wake-up, and
/// keeps none while it sleeps; a call in flight keeps its route alone.
pub(crate) struct Generation {
    /// The first one has 1, and each that follows one more.
    pub(crate) number: u64,
    pub(crate) routes: Routes,
    /// How NOTIFYs become spans, if they do.
    pub(crate) traces: Option<Arc<Traces>>,
}
