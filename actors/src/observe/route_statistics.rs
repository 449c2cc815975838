//! Route statistics: the statistics of one route.

use std::time::Duration;

use super::{
    argument_seen::ArgumentSeen,
    latencies::Latencies,
    layer_count::LayerCount,
    outcome::{Outcome, Outcomes},
};

/// The statistics of one route, of an agent or of one arbiter, since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RouteStatistics {
    /// The name of the route, which is the name of its messages; `(any other)` is the catch-all.
    pub route: String,
    /// Whether a reload has removed it: its counts stay, also for the next route of that name.
    pub is_removed: bool,
    /// Whether the agent starts only if the handler starts.
    pub is_required: bool,
    /// The deadline of a message.
    pub deadline: Duration,
    /// The fallback, as text.
    pub fallback: String,
    /// How long the messages took, by outcome.
    pub latencies: Latencies,
    /// Calls in progress.
    pub concurrency: u64,
    /// The limit of calls in progress, of all arbiters together.
    pub concurrency_limit: u64,
    /// The handlers, one per arbiter, by state.
    pub instances: Instances,
    /// Restarts of a handler after a failure.
    pub restarts: u64,
    /// Failed starts of a handler, restarts included.
    pub starts_failed: u64,
    /// How often a handler went down: it failed too often and never answered, or took too long to
    /// start.
    pub times_down: u64,
    /// Background panics: in a task, at the stop, or in a call after its deadline.
    pub background_panics: u64,
    /// The arguments of a recent message, in wire order.
    pub arguments: Vec<ArgumentSeen>,
    /// What its layers did, since each was made.
    pub layers: Vec<LayerCount>,
}

/// The handlers of a route by state, one per arbiter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Instances {
    /// Handlers that take messages.
    pub up: u64,
    /// Handlers that are restarting. Messages wait, or the instance that panicked answers them.
    pub restarting: u64,
    /// Handlers that failed too often and never answered, or take too long to start. Messages get
    /// the fallback.
    pub down: u64,
    /// Handlers that were stopped.
    pub stopped: u64,
}

impl RouteStatistics {
    /// The messages by outcome.
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

    /// Adds the statistics of another arbiter for the same route.
    fn add(&mut self, other: &Self) {
        self.is_removed &= other.is_removed;
        self.latencies.add(&other.latencies);
        self.concurrency += other.concurrency;
        self.concurrency_limit += other.concurrency_limit;
        self.instances.add(other.instances);
        self.restarts += other.restarts;
        self.starts_failed += other.starts_failed;
        self.times_down += other.times_down;
        self.background_panics += other.background_panics;
        LayerCount::add_all(&mut self.layers, &other.layers);
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
