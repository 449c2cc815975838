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
    /// How long a message may take at the longest.
    pub deadline: Duration,
    /// What is sent in the place of an answer.
    pub fallback: String,
    /// How long the messages took, by what happened to them.
    pub latencies: Latencies,
    /// Calls that are in flight now.
    pub in_flight: u64,
    /// Calls that may be in flight.
    pub in_flight_limit: u64,
    /// Its handlers, one on each arbiter, by what they are doing.
    pub instances: Instances,
    /// How often a handler was renewed after a failure.
    pub renewed: u64,
    /// Starts of handlers that failed, renewals included.
    pub starts_failed: u64,
    /// How often a handler had failed too often and never answered, or took too long to start.
    pub given_up: u64,
    /// Background panics of handlers: in a task, in their stop, or in a call that was late already.
    pub panics_aside: u64,
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
    pub renewing: u64,
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
        self.in_flight += other.in_flight;
        self.in_flight_limit += other.in_flight_limit;
        self.instances.add(other.instances);
        self.renewed += other.renewed;
        self.starts_failed += other.starts_failed;
        self.given_up += other.given_up;
        self.panics_aside += other.panics_aside;
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
        self.renewing += other.renewing;
        self.down += other.down;
        self.stopped += other.stopped;
    }
}
