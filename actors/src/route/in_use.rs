//! In use: whether routes to a handler are held, by calls in flight and by generations.

use std::{cell::Cell, time::Duration};

use tokio::sync::oneshot;

/// Held by all routes to one handler, one after the other in each generation that takes it over. A call in
/// flight holds the route that it has begun with.
pub(super) struct InUse {
    /// The longest deadline that any of them has had.
    longest: Cell<Duration>,
    /// Dropped with the last of them.
    over: Cell<Option<oneshot::Sender<()>>>,
}

impl InUse {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { longest: Cell::new(deadline), over: Cell::default() }
    }

    /// Calls with another deadline begin.
    pub(super) fn allow(&self, deadline: Duration) {
        self.longest.set(self.longest.get().max(deadline));
    }

    /// No call lasts longer.
    pub(super) fn longest(&self) -> Duration {
        self.longest.get()
    }

    /// Fails when nobody holds a route to the handler any more.
    pub(super) fn over(&self) -> oneshot::Receiver<()> {
        let (held, over) = oneshot::channel();
        self.over.set(Some(held));
        over
    }
}
