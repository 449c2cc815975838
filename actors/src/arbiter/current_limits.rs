//! Current limits: the limits of an agent now, for code outside of arbiters.

use std::sync::Arc;

use tokio::sync::watch;

use crate::limits::Limits;

/// The limits of an agent as they are now; clones are of the same agent. Each arbiter has a copy of its own,
/// which it takes over with its routes.
#[derive(Clone, Debug)]
pub(crate) struct CurrentLimits(Arc<watch::Sender<Limits>>);

impl CurrentLimits {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(watch::Sender::new(limits)))
    }

    pub(crate) fn get(&self) -> Limits {
        *self.0.borrow()
    }

    /// Sets the limits after a reload.
    pub(crate) fn set(&self, limits: Limits) {
        self.0.send_replace(limits);
    }
}
