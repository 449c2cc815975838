//! Route metrics: the live statistics of one route on one arbiter.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    argument_seen::ArgumentSeen, latencies::Latencies, outcome::Outcome,
    route_statistics::RouteStatistics,
};
use crate::{spop::MessageRef, turn::Turn};

/// The live statistics of one route on one arbiter.
///
/// A call that is answered in place costs an addition. Only the first call of a turn is timed,
/// because reading the clock costs as much as a call.
pub(crate) struct RouteMetrics {
    /// The last turn with a call.
    turn: Cell<u64>,
    /// How many calls were answered in place since then.
    answered: Cell<u64>,
    /// How long the first of them took.
    sample: Cell<Duration>,
    latencies: RefCell<Latencies>,
    arguments: RefCell<Vec<ArgumentSeen>>,
    /// Whether to store the arguments of the next message.
    is_curious: Cell<bool>,
    pub(crate) restarts: Cell<u64>,
    pub(crate) starts_failed: Cell<u64>,
    pub(crate) times_down: Cell<u64>,
    pub(crate) background_panics: Cell<u64>,
}

impl RouteMetrics {
    /// A call begins in this turn. Returns when, if it is to be timed: when the turn began, if
    /// nothing `is_before` it.
    #[inline]
    pub(crate) fn begin(
        &self,
        messages: &[MessageRef<'_>],
        turn: &Turn,
        is_before: bool,
    ) -> Option<Instant> {
        if self.turn.get() != turn.number() {
            self.take_times();
            self.turn.set(turn.number());
            if self.is_curious.get() {
                self.see(messages);
            }
        } else if self.answered.get() > 0 {
            return None;
        }
        Some(if is_before { Instant::now() } else { turn.began() })
    }

    /// A call was answered in place, in this time if it was timed.
    #[inline]
    pub(crate) fn answered_in_place(&self, took: Option<Duration>) {
        self.answered.set(self.answered.get() + 1);
        if let Some(took) = took {
            self.sample.set(took);
        }
    }

    /// Takes the times of the calls that were answered in place.
    fn take_times(&self) {
        let answered = self.answered.take();
        if answered > 0 {
            self.record(Outcome::Answered, self.sample.get(), answered);
        }
    }

    /// A message had another outcome, or was answered later.
    pub(crate) fn settled(&self, outcome: Outcome, duration: Duration) {
        self.record(outcome, duration, 1);
    }

    fn record(&self, outcome: Outcome, duration: Duration, times: u64) {
        self.latencies.borrow_mut().record(outcome, duration, times);
    }

    /// Stores names and types of the arguments of a message, without their values.
    #[cold]
    fn see(&self, messages: &[MessageRef<'_>]) {
        self.is_curious.set(false);
        self.arguments.replace(ArgumentSeen::all_of(messages));
    }

    /// The statistics so far. The next message's arguments are stored, for the next request.
    pub(crate) fn statistics(&self) -> RouteStatistics {
        self.take_times();
        self.is_curious.set(true);
        RouteStatistics {
            latencies: self.latencies.borrow().clone(),
            arguments: self.arguments.borrow().clone(),
            restarts: self.restarts.get(),
            starts_failed: self.starts_failed.get(),
            times_down: self.times_down.get(),
            background_panics: self.background_panics.get(),
            ..RouteStatistics::default()
        }
    }
}

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            turn: Cell::default(),
            answered: Cell::default(),
            sample: Cell::default(),
            latencies: RefCell::default(),
            arguments: RefCell::default(),
            is_curious: Cell::new(true),
            restarts: Cell::default(),
            starts_failed: Cell::default(),
            times_down: Cell::default(),
            background_panics: Cell::default(),
        }
    }
}

/// Adds 1.
pub(crate) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}
