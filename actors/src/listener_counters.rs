//! Listener counters: what is counted beside the arbiters, where connections are accepted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{listener_statistics::ListenerStatistics, statistics::Statistics};

/// What is counted beside the arbiters, where connections are accepted.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounters {
    names: Vec<Arc<str>>,
    accepts_failed: AtomicU64,
    accepts_paused_for_places: AtomicU64,
    accepts_paused_for_arbiters: AtomicU64,
    arbiters_passed_over: AtomicU64,
    connections_untaken: AtomicU64,
    certificates_reloaded: AtomicU64,
    certificates_refused: AtomicU64,
}

/// Keeps a connection counted as accepted and not yet taken, in its place of the way to its arbiter.
#[derive(Debug)]
pub(crate) struct Untaken {
    counters: Arc<ListenerCounters>,
    _room: OwnedSemaphorePermit,
}

impl ListenerCounters {
    pub(crate) fn new(names: Vec<Arc<str>>) -> Self {
        Self { names, ..Self::default() }
    }

    pub(crate) fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_paused_for_places(&self) {
        self.accepts_paused_for_places.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_paused_for_arbiters(&self) {
        self.accepts_paused_for_arbiters.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn arbiter_passed_over(&self) {
        self.arbiters_passed_over.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_reloaded(&self) {
        self.certificates_reloaded.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_refused(&self) {
        self.certificates_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            accepts_failed: count(&self.accepts_failed),
            accepts_paused_for_places: count(&self.accepts_paused_for_places),
            accepts_paused_for_arbiters: count(&self.accepts_paused_for_arbiters),
            arbiters_passed_over: count(&self.arbiters_passed_over),
            connections_untaken: count(&self.connections_untaken),
            certificates_reloaded: count(&self.certificates_reloaded),
            certificates_refused: count(&self.certificates_refused),
            listeners: self.names.iter().map(|name| ListenerStatistics::new(name)).collect(),
            ..Statistics::default()
        }
    }
}

impl Untaken {
    pub(crate) fn new(room: OwnedSemaphorePermit, counters: &Arc<ListenerCounters>) -> Self {
        counters.connections_untaken.fetch_add(1, Ordering::Relaxed);
        Self { counters: Arc::clone(counters), _room: room }
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.counters.connections_untaken.fetch_sub(1, Ordering::Relaxed);
    }
}
