//! A handler at work.

use super::{decision::Decision, found::Found, view::View};
use crate::expression::Fault;

/// A handler that answers at once. One instance serves all worker threads.
pub trait Step: Send + Sync + 'static {
    /// Looks at the message, sets what it finds, and decides or leaves it to those behind it.
    ///
    /// # Errors
    ///
    /// If it cannot say: then `on_error` of its section holds.
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault>;
}
