//! Reload statistics: the generation of an agent, and how its reloads ended.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

/// How a reload ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ReloadOutcome {
    /// All arbiters use the new routes.
    Ok,
    /// The reload was refused before any handler started: a duplicate name, an invalid limit, or a
    /// limit that needs a restart.
    Refused,
    /// A handler did not start.
    Failed,
    /// An arbiter did not respond in time.
    Unresponsive,
    /// The agent stopped, or the caller dropped the future.
    GivenUp,
}

/// The reloads of an agent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ReloadStatistics {
    /// The number of the routes in use: 1 at the start, one more with each successful reload.
    pub generation: u64,
    /// How the last reload ended; `None` before the first.
    pub last: Option<ReloadOutcome>,
    /// When the last reload succeeded, or the agent started.
    pub last_success: Option<SystemTime>,
    counts: [u64; ReloadOutcome::ALL.len()],
}

/// The counters behind them, shared by all handles.
#[derive(Debug)]
pub(crate) struct ReloadCounters {
    generation: AtomicU64,
    /// In milliseconds since 1970.
    last_success: AtomicU64,
    /// Its index, and one more; 0 if there was none.
    last: AtomicU64,
    counts: [AtomicU64; ReloadOutcome::ALL.len()],
}

impl ReloadOutcome {
    /// Each of them, the good one first.
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::Refused, Self::Failed, Self::Unresponsive, Self::GivenUp];

    /// One word for it, in lower case.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unresponsive => "unresponsive",
            Self::GivenUp => "given_up",
        }
    }
}

impl ReloadStatistics {
    /// How many reloads ended with this outcome.
    #[must_use]
    pub fn count(&self, outcome: ReloadOutcome) -> u64 {
        self.counts[outcome as usize]
    }

    /// Whether the last reload succeeded; true before the first.
    #[must_use]
    pub fn is_last_successful(&self) -> bool {
        self.last.is_none_or(|outcome| outcome == ReloadOutcome::Ok)
    }

    /// Adds other statistics. Reloads are counted once for the whole agent.
    pub(super) fn add(&mut self, other: &Self) {
        self.generation = self.generation.max(other.generation);
        self.last = self.last.or(other.last);
        self.last_success = self.last_success.max(other.last_success);
        for (count, other) in self.counts.iter_mut().zip(other.counts) {
            *count += other;
        }
    }
}

impl ReloadCounters {
    /// The counters of an agent that starts now.
    pub(crate) fn new() -> Self {
        let counters = Self {
            generation: AtomicU64::new(1),
            last_success: AtomicU64::default(),
            last: AtomicU64::default(),
            counts: Default::default(),
        };
        counters.succeeded_now();
        counters
    }

    /// The number of the generation that answers messages.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// Counts a reload; if it succeeded, this generation is in use.
    pub(crate) fn ended(&self, outcome: ReloadOutcome, generation: u64) {
        self.counts[outcome as usize].fetch_add(1, Relaxed);
        self.last.store(outcome as u64 + 1, Relaxed);
        if outcome == ReloadOutcome::Ok {
            self.generation.store(generation, Relaxed);
            self.succeeded_now();
        }
    }

    fn succeeded_now(&self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last_success.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn snapshot(&self) -> ReloadStatistics {
        let last = usize::try_from(self.last.load(Relaxed)).unwrap_or(0);
        let last_success = Duration::from_millis(self.last_success.load(Relaxed));
        ReloadStatistics {
            generation: self.generation(),
            last: last.checked_sub(1).and_then(|index| ReloadOutcome::ALL.get(index).copied()),
            last_success: SystemTime::UNIX_EPOCH.checked_add(last_success),
            counts: self.counts.each_ref().map(|count| count.load(Relaxed)),
        }
    }
}
