//! Bulkhead: how many calls of one route may be in flight, so that a handler that never answers
//! exhausts its own route only.

use std::{cell::Cell, rc::Rc, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What happens to a message whose route has reached its concurrency limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnFull {
    /// The fallback is sent at once.
    #[default]
    Reject,
    /// It is queued for a free call, in turn and until its deadline. As many messages can be queued as
    /// calls can be in progress, and at least 256; further ones get the fallback at once.
    Queue,
}

/// The room of one route on one arbiter.
pub(crate) struct Bulkhead {
    calls: usize,
    room: Arc<Semaphore>,
    on_full: OnFull,
    queued: Rc<Cell<usize>>,
}

/// A place in it, given back when the last that holds it is gone: a call that is queued elsewhere
/// holds it until it is taken from there, though nobody may wait for its answer any more.
pub(crate) type Permit = Arc<OwnedSemaphorePermit>;

/// A message that waits for a place.
pub(crate) struct QueueSlot(Rc<Cell<usize>>);

impl Bulkhead {
    /// How many calls there may be without a word.
    pub(crate) const DEFAULT: usize = 256;
    /// How many there may be at the most.
    pub(crate) const MAX: usize = Semaphore::MAX_PERMITS;

    pub(crate) fn new(calls: usize, on_full: OnFull) -> Self {
        Self { calls, room: Arc::new(Semaphore::new(calls)), on_full, queued: Rc::default() }
    }

    /// Whether there is no room for a call.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// How many calls there are.
    pub(crate) fn taken(&self) -> usize {
        self.calls - self.room.available_permits()
    }

    /// How many calls there may be.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Takes a place, if there is one.
    pub(crate) fn enter(&self) -> Option<Permit> {
        Arc::clone(&self.room).try_acquire_owned().ok().map(Arc::new)
    }

    /// Joins those who wait for a place, if it may.
    pub(crate) fn queue(&self) -> Option<QueueSlot> {
        // The queue has a bound as well: what cannot be called before its deadline only costs memory until
        // then.
        if self.on_full == OnFull::Reject || self.queued.get() >= self.calls.max(Self::DEFAULT) {
            return None;
        }
        self.queued.set(self.queued.get() + 1);
        Some(QueueSlot(Rc::clone(&self.queued)))
    }

    /// Waits for a place.
    pub(crate) async fn wait(&self) -> Option<Permit> {
        Arc::clone(&self.room).acquire_owned().await.ok().map(Arc::new)
    }
}

impl Drop for QueueSlot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
