//! Listener counters: what is counted where connections are accepted, outside of the arbiters.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{listener_statistics::ListenerStatistics, statistics::Statistics};

/// What is counted where connections are accepted, outside of the arbiters.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounters {
    listeners: Vec<ListenerCounter>,
    accepts_failed: AtomicU64,
    accepts_paused_for_connections: AtomicU64,
    accepts_paused_for_workers: AtomicU64,
    workers_skipped: AtomicU64,
    queued_connections: AtomicU64,
    connections_displaced: AtomicU64,
    certificates_reloaded: AtomicU64,
    certificates_refused: AtomicU64,
}

/// Counts a connection as accepted and queued for its arbiter, until this is dropped.
#[derive(Debug)]
pub(crate) struct QueuedConnection {
    counters: Arc<ListenerCounters>,
    _room: OwnedSemaphorePermit,
}

/// The state of one listener.
#[derive(Debug)]
struct ListenerCounter {
    name: Arc<str>,
    /// When its certificate expires, in seconds since 1970; 0 without TLS.
    certificate_expires: AtomicU64,
}

impl ListenerCounters {
    pub(crate) fn new(names: Vec<Arc<str>>) -> Self {
        let listeners = names.into_iter().map(ListenerCounter::new).collect();
        Self { listeners, ..Self::default() }
    }

    /// The addresses of the listeners.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.listeners.iter().map(|listener| &*listener.name)
    }

    pub(crate) fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_paused_for_places(&self) {
        self.accepts_paused_for_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_paused_for_arbiters(&self) {
        self.accepts_paused_for_workers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a silent connection over the limit that was closed for another one.
    pub(crate) fn connection_displaced(&self) {
        self.connections_displaced.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn worker_skipped(&self) {
        self.workers_skipped.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_reloaded(&self) {
        self.certificates_reloaded.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_refused(&self) {
        self.certificates_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets when the listener's certificate expires.
    #[cfg(feature = "tls")]
    pub(crate) fn certificate_expires(&self, listener: &str, expires: SystemTime) {
        let seconds = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        for counter in self.listeners.iter().filter(|counter| *counter.name == *listener) {
            counter.certificate_expires.store(seconds, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            accepts_failed: count(&self.accepts_failed),
            accepts_paused_for_connections: count(&self.accepts_paused_for_connections),
            accepts_paused_for_workers: count(&self.accepts_paused_for_workers),
            workers_skipped: count(&self.workers_skipped),
            queued_connections: count(&self.queued_connections),
            connections_refused: count(&self.connections_displaced),
            certificates_reloaded: count(&self.certificates_reloaded),
            certificates_refused: count(&self.certificates_refused),
            listeners: self.listeners.iter().map(ListenerCounter::snapshot).collect(),
            ..Statistics::default()
        }
    }
}

impl QueuedConnection {
    pub(crate) fn new(room: OwnedSemaphorePermit, counters: &Arc<ListenerCounters>) -> Self {
        counters.queued_connections.fetch_add(1, Ordering::Relaxed);
        Self { counters: Arc::clone(counters), _room: room }
    }
}

impl Drop for QueuedConnection {
    fn drop(&mut self) {
        self.counters.queued_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ListenerCounter {
    fn new(name: Arc<str>) -> Self {
        Self { name, certificate_expires: AtomicU64::default() }
    }

    fn snapshot(&self) -> ListenerStatistics {
        let seconds = self.certificate_expires.load(Ordering::Relaxed);
        let expires = (seconds > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        ListenerStatistics::new(&self.name, expires)
    }
}
