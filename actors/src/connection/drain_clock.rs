//! Drain clock: for how long nothing has arrived on any connection of an agent that stops, and which of
//! them close next.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use tokio::time::{Duration, Instant};

/// How many more NOTIFYs HAProxy sends on a connection whose ACKs are held back, in the order in which
/// connections close: the sooner HAProxy can use a connection, the sooner it has to be gone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Room {
    /// No request waits on it.
    Idle,
    /// HAProxy may send more.
    Some,
    /// HAProxy has sent all that it may.
    Full,
}

/// For how long nothing has arrived on any connection of an agent that stops, on all its arbiters.
///
/// Connections that hold their ACKs back keep the clients quiet that wait for these. Were one of them
/// to close before the others, its clients would ask again at once, on the others.
#[derive(Debug)]
pub(crate) struct DrainClock {
    begun: Instant,
    /// Microseconds from then to when something arrived last.
    broken: AtomicU64,
    /// How many connections are ready to close but for the silence, by their room.
    ready: [AtomicUsize; 3],
}

/// A connection that is ready to close but for the silence, until this is dropped.
#[derive(Debug)]
pub(super) struct Ready {
    clock: Arc<DrainClock>,
    room: Room,
}

impl DrainClock {
    /// Begins now.
    pub(crate) fn begin() -> Arc<Self> {
        let (broken, ready) = (AtomicU64::new(0), Default::default());
        Arc::new(Self { begun: Instant::now(), broken, ready })
    }

    /// When the agent began to wait for it.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Something has come.
    pub(super) fn end(&self, now: Instant) {
        let micros = u64::try_from((now - self.begun).as_micros()).unwrap_or(u64::MAX);
        // The maximum, as arbiters report in any order.
        self.broken.fetch_max(micros, SeqCst);
    }

    /// For how long nothing had come by `now`.
    pub(super) fn lasted(&self, now: Instant) -> Duration {
        let broken = Duration::from_micros(self.broken.load(SeqCst));
        (now - self.begun).saturating_sub(broken)
    }

    /// Whether every connection that HAProxy can use sooner than one with this room has closed, as far as
    /// it is ready to. Timers are late now and then, and the order must not depend on them.
    pub(super) fn is_next(&self, room: Room) -> bool {
        self.ready.iter().take(room as usize).all(|ready| ready.load(SeqCst) == 0)
    }
}

impl Ready {
    pub(super) fn new(clock: &Arc<DrainClock>, room: Room) -> Self {
        clock.ready[room as usize].fetch_add(1, SeqCst);
        Self { clock: Arc::clone(clock), room }
    }

    /// Which room its connection has.
    pub(super) fn room(&self) -> Room {
        self.room
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.clock.ready[self.room as usize].fetch_sub(1, SeqCst);
    }
}
