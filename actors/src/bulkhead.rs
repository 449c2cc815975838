//! Bulkhead: how many calls of one route may be in flight, so that a handler that never answers
//! exhausts its own route only.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What becomes of a message whose route has as many calls in flight as it may.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Overload {
    /// It is answered by the fallback at once.
    #[default]
    Fallback,
    /// It waits for room, in turn and until its deadline at the longest.
    Wait,
}

/// The room of one route on one arbiter.
pub(crate) struct Bulkhead {
    room: Arc<Semaphore>,
    overload: Overload,
}

/// A place in it, given back when it is dropped.
pub(crate) type Permit = OwnedSemaphorePermit;

impl Bulkhead {
    /// How many calls there may be without a word.
    pub(crate) const DEFAULT: usize = 256;
    /// How many there may be at the most.
    pub(crate) const MAX: usize = Semaphore::MAX_PERMITS;

    pub(crate) fn new(calls: usize, overload: Overload) -> Self {
        Self { room: Arc::new(Semaphore::new(calls)), overload }
    }

    /// Whether there is no room for a call.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    pub(crate) fn overload(&self) -> Overload {
        self.overload
    }

    /// Takes a place, if there is one.
    pub(crate) fn enter(&self) -> Option<Permit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Waits for a place.
    pub(crate) fn wait(&self) -> impl Future<Output = Option<Permit>> + use<> {
        let room = Arc::clone(&self.room);
        async { room.acquire_owned().await.ok() }
    }
}
