//! Route statistics: what an agent has seen of one route.

use std::time::Duration;

use super::{
    argument_seen::ArgumentSeen,
    latencies::Latencies,
    outcome::{Outcome, Outcomes},
};

/// What an agent, or one of its arbiters, has seen of one route since it started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RouteStatistics {
    /// Its name, which is that of its messages; `(any other)` is the route of the catch-all.
    pub route: String,
    /// Whether the agent starts only if its handler does.
    pub is_required: bool,
    /// How long a message can take.
    pub deadline: Duration,
    /// What is sent instead of an answer.
    pub fallback: String,
    /// How long the messages took, by what happened to them.
    pub latencies: Latencies,
    /// Calls in progress.
    pub concurrency: u64,
    /// The limit of calls in progress, all arbiters together.
    pub concurrency_limit: u64,
    /// Its handlers, one on each arbiter, by what they are doing.
    pub instances: Instances,
    /// Restarts of a handler after a failure.
    pub restarts: u64,
    /// Failed starts of a handler, restarts included.
    pub starts_failed: u64,
    /// How often a handler went down: it failed too often and never answered, or took too long to
    /// start.
    pub times_down: u64,
    /// Background panics of handlers: in a task, at the stop, or in a call after its deadline.
    pub background_panics: u64,
    /// The arguments of a message that was seen lately, in wire order.
    pub arguments: Vec<ArgumentSeen>,
}

/// The handlers of a route by what they are doing; there is one on each arbiter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Instances {
    /// They take messages.
    pub up: u64,
    /// They are being restarted: messages wait, or the instance that has panicked answers.
    pub restarting: u64,
    /// They have failed too often and never answered, or take too long to start: nothing but fallbacks
    /// is sent.
    pub down: u64,
    /// They have ended in good order.
    pub stopped: u64,
}

impl RouteStatistics {
    /// What happened to the messages.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (outcome, histogram) in self.latencies.iter() {
            outcomes.count(outcome, histogram.count());
        }
        outcomes
    }

    /// How many messages had this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes().of(outcome)
    }

    /// Adds what another arbiter has seen of the same route.
    fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies);
        self.concurrency += other.concurrency;
        self.concurrency_limit += other.concurrency_limit;
        self.instances.add(other.instances);
        self.restarts += other.restarts;
        self.starts_failed += other.starts_failed;
        self.times_down += other.times_down;
        self.background_panics += other.background_panics;
        if self.arguments.is_empty() {
            self.arguments.clone_from(&other.arguments);
        }
    }
}

/// Adds the routes of another arbiter, which has the same ones.
pub(super) fn add_all(routes: &mut Vec<RouteStatistics>, others: &[RouteStatistics]) {
    for other in others {
        match routes.iter_mut().find(|route| route.route == other.route) {
            Some(route) => route.add(other),
            None => routes.push(other.clone()),
        }
    }
}

impl Instances {
    fn add(&mut self, other: Self) {
        self.up += other.up;
        self.restarting += other.restarting;
        self.down += other.down;
        self.stopped += other.stopped;
    }
}
