//! A handler at work.

use std::pin::Pin;

use spoa_actors::BoxError;

use super::{decision::Decision, found::Found, view::View};
use crate::expression::{Fault, Value};

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

    /// The handler, if it answers later: then [`run`](Self::run) is not called.
    fn later(&self) -> Option<&dyn LaterStep> {
        None
    }
}

/// A handler that answers later. One instance serves all worker threads.
pub trait LaterStep: Send + Sync + 'static {
    /// Takes out of the message what it needs, and begins: the message is no longer there when the answer comes.
    fn begin(&self, view: &View<'_, '_>) -> Pending;

    /// Makes it ready before the first message, on a thread that may wait.
    ///
    /// # Errors
    ///
    /// If it cannot answer messages.
    fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Ends what it has started, after the last message; nothing if it has not started.
    fn stop(&self) {}
}

/// What a handler that answers later comes to. It is dropped at the deadline of its message.
pub type Pending = Pin<Box<dyn Future<Output = Result<Late, Unanswered>>>>;

/// A late answer.
#[derive(Debug, Default)]
pub struct Late {
    /// What the handler has found, by the places of its variables.
    pub found: Vec<(usize, Value<'static>)>,
    /// What it decides.
    pub decision: Option<Decision<'static>>,
}

/// Why there is no late answer, in one word: the value of its variable `error`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unanswered(pub &'static str);

/// A handler that answers later, in a chain.
pub struct Later<S>(pub S);

impl<S: LaterStep> Step for Later<S> {
    fn run<'c>(
        &'c self,
        _: &View<'_, 'c>,
        _: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        Ok(None)
    }

    fn later(&self) -> Option<&dyn LaterStep> {
        Some(&self.0)
    }
}
