//! Listener counters: what is counted beside the arbiters, where connections are accepted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{listener_statistics::ListenerStatistics, statistics::Statistics};

/// What is counted beside the arbiters, where connections are accepted.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounters {
    names: Vec<Arc<str>>,
    accepts_failed: AtomicU64,
    certificates_reloaded: AtomicU64,
    certificates_refused: AtomicU64,
}

impl ListenerCounters {
    pub(crate) fn new(names: Vec<Arc<str>>) -> Self {
        Self { names, ..Self::default() }
    }

    pub(crate) fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::Relaxed);
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
        Statistics {
            accepts_failed: self.accepts_failed.load(Ordering::Relaxed),
            certificates_reloaded: self.certificates_reloaded.load(Ordering::Relaxed),
            certificates_refused: self.certificates_refused.load(Ordering::Relaxed),
            listeners: self.names.iter().map(|name| ListenerStatistics::new(name)).collect(),
            ..Statistics::default()
        }
    }
}
