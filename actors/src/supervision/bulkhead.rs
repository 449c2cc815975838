//! Bulkhead: limits the calls of one route, so that a handler that never answers exhausts its own
//! route only.

use std::{cell::Cell, rc::Rc, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What happens to a message whose route has reached its concurrency limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnFull {
    /// The agent sends the fallback at once.
    #[default]
    Reject,
    /// The message is queued until a call ends, in order and until its deadline. The queue has the
    /// length of the concurrency limit, and at least 256; further messages get the fallback at
    /// once.
    Queue,
}

/// The limit of one route on one arbiter.
pub(crate) struct Bulkhead {
    calls: Cell<usize>,
    room: Arc<Semaphore>,
    on_full: Cell<OnFull>,
    queued: Rc<Cell<usize>>,
}

/// The right to one call, returned when the last holder drops it: a call that is queued elsewhere
/// holds it until it is taken from there, even if its answer is no longer awaited.
pub(crate) type Permit = Arc<OwnedSemaphorePermit>;

/// A message that waits for a permit.
pub(crate) struct QueueSlot(Rc<Cell<usize>>);

impl Bulkhead {
    /// The default limit of calls.
    pub(crate) const DEFAULT: usize = 256;
    /// The largest limit of calls.
    pub(crate) const MAX: usize = Semaphore::MAX_PERMITS;

    pub(crate) fn new(calls: usize, on_full: OnFull) -> Self {
        Self {
            calls: Cell::new(calls),
            room: Arc::new(Semaphore::new(calls)),
            on_full: Cell::new(on_full),
            queued: Rc::default(),
        }
    }

    /// From now on there may be so many calls. Those that are there go on, and count.
    pub(crate) fn change(&self, calls: usize, on_full: OnFull) {
        self.on_full.set(on_full);
        let before = self.calls.replace(calls);
        if let Some(more) = calls.checked_sub(before) {
            return self.room.add_permits(more);
        }
        let mut debt = before - calls - self.room.forget_permits(before - calls);
        let room = Arc::clone(&self.room);
        if debt > 0 {
            // The first places that are given back are taken away, and nobody gets one before.
            actix_rt::spawn(async move {
                while let Ok(part) = u32::try_from(debt.min(u32::MAX as usize))
                    && part > 0
                    && let Ok(places) = room.acquire_many(part).await
                {
                    places.forget();
                    debt -= part as usize;
                }
            });
        }
    }

    /// Whether all permits are taken.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// How many calls are in flight.
    pub(crate) fn taken(&self) -> usize {
        self.calls.get().saturating_sub(self.room.available_permits())
    }

    /// How many calls can be in flight.
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    /// Takes a permit, if one is free.
    pub(crate) fn enter(&self) -> Option<Permit> {
        Arc::clone(&self.room).try_acquire_owned().ok().map(Arc::new)
    }

    /// Joins the queue for a permit, if the queue is not full.
    pub(crate) fn queue(&self) -> Option<QueueSlot> {
        // The queue has a limit as well: a message that cannot be called before its deadline only
        // costs memory until then.
        let most = self.calls.get().max(Self::DEFAULT);
        if self.on_full.get() == OnFull::Reject || self.queued.get() >= most {
            return None;
        }
        self.queued.set(self.queued.get() + 1);
        Some(QueueSlot(Rc::clone(&self.queued)))
    }

    /// Waits for a permit.
    pub(crate) async fn wait(&self) -> Option<Permit> {
        Arc::clone(&self.room).acquire_owned().await.ok().map(Arc::new)
    }
}

impl Drop for QueueSlot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
