//! Admin counters: what happened to the connections to the admin endpoint.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::telemetry::tally::Tally;

/// What happened to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It got what it asked for, or a line that says why it did not.
    Answered,
    /// It asked for a host that is not known.
    Misdirected,
    /// It had no token, or a wrong one.
    Unauthorized,
    /// It did not ask, or did not read its answer, in time.
    Late,
    /// Its place went to another.
    Displaced,
    /// The client closed it before it had asked or had its answer.
    Gone,
}

/// How many connections ended how.
#[derive(Debug, Default)]
pub(crate) struct AdminCounters {
    counts: [AtomicU64; Outcome::ALL.len()],
    displaced: Tally,
    refused: Tally,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] = [
        Self::Answered,
        Self::Misdirected,
        Self::Unauthorized,
        Self::Late,
        Self::Displaced,
        Self::Gone,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Misdirected => "misdirected",
            Self::Unauthorized => "unauthorized",
            Self::Late => "timed_out",
            Self::Displaced => "displaced",
            Self::Gone => "disconnected",
        }
    }
}

impl AdminCounters {
    /// Counts it, and logs what an operator should know, once a second.
    pub(crate) fn count(&self, outcome: Outcome) {
        self.counts[outcome as usize].fetch_add(1, Relaxed);
        match outcome {
            Outcome::Displaced => {
                if let Some(connections) = self.displaced.add(1) {
                    tracing::warn!(
                        connections,
                        "admin endpoint full: closed the oldest connections of the address with the most; find \
                         out who connects there, and let only operators and probes reach --admin"
                    );
                }
            }
            Outcome::Misdirected | Outcome::Unauthorized => {
                if let Some(requests) = self.refused.add(1) {
                    tracing::warn!(
                        requests,
                        reason = outcome.label(),
                        "admin request refused; compare its Host with --admin-host, and its token with \
                         --admin-token-file"
                    );
                }
            }
            Outcome::Answered | Outcome::Late | Outcome::Gone => {}
        }
    }

    /// How many ended so.
    pub(crate) fn of(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize].load(Relaxed)
    }
}
