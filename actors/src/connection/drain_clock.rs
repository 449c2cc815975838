//! Drain clock: for how long nothing has come on any connection of an agent that stops.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tokio::time::{Duration, Instant};

/// For how long nothing has come on any connection of an agent that stops, on all its arbiters.
///
/// Connections that hold their ACKs back keep the clients quiet that wait for these. Were one of them
/// to let go before the others, its clients would ask again at once, on the others.
#[derive(Debug)]
pub(crate) struct DrainClock {
    begun: Instant,
    /// Microseconds from then to when something came last.
    broken: AtomicU64,
}

impl DrainClock {
    /// Begins now.
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), broken: AtomicU64::new(0) })
    }

    /// When the agent began to wait for it.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Something has come.
    pub(super) fn end(&self, now: Instant) {
        let micros = u64::try_from((now - self.begun).as_micros()).unwrap_or(u64::MAX);
        // Relaxed will do: a look that misses the newest value sees it with the next one, and nothing else
        // is read on the strength of it. The maximum, as arbiters report in any order.
        self.broken.fetch_max(micros, Relaxed);
    }

    /// For how long nothing had come by `now`.
    pub(super) fn lasted(&self, now: Instant) -> Duration {
        let broken = Duration::from_micros(self.broken.load(Relaxed));
        (now - self.begun).saturating_sub(broken)
    }
}
