//! Setup: what a handler gets when it starts.

use std::cell::OnceCell;

use super::{background::Work, state::States};
use crate::{
    error::BoxError,
    supervision::{FailureSignal, Tasks},
};

/// Prepares the arguments of a function, once per arbiter, before its first call; see
/// [`FromCall`](crate::FromCall).
pub struct Setup<'a> {
    states: &'a States,
    signal: &'a FailureSignal,
    tasks: OnceCell<(Tasks, Work)>,
}

impl<'a> Setup<'a> {
    pub(crate) fn new(states: &'a States, signal: &'a FailureSignal) -> Self {
        Self { states, signal, tasks: OnceCell::new() }
    }

    /// A value of the registry or the route; see [`State`](crate::State).
    ///
    /// # Errors
    ///
    /// If there is no value of this type. The agent then does not start.
    pub fn state<T: Clone + 'static>(&self) -> Result<T, BoxError> {
        self.states.get()
    }

    /// Starts background work, which ends with the route.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.tasks.get_or_init(|| Work::start(self.signal.without_restart())).0.clone()
    }

    /// The work, if there is any.
    pub(super) fn into_work(self) -> Option<Work> {
        self.tasks.into_inner().map(|(_, work)| work)
    }
}
