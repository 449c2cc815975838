//! Route JSON: what `/status.json` says of one route, and of the messages without one.

use serde::Serialize;
use spoa_actors::observe::{
    ArgumentSeen, Instances, Outcome, RouteStatistics, Statistics, UnroutedMessage,
};

use crate::admin::totals_json::OutcomesJson;

/// What was seen of one message.
#[derive(Debug, Serialize)]
pub(super) struct RouteJson {
    /// `(any other)` for those that only the catch-all takes.
    route: String,
    calls: u64,
    outcomes: OutcomesJson,
    /// How long those took at the longest that were answered, the fastest half of them and the
    /// fastest 99 of 100.
    p50_seconds: Option<f64>,
    p99_seconds: Option<f64>,
    concurrency: u64,
    concurrency_limit: u64,
    instances: InstancesJson,
    /// Whether the agent is not ready while its handler is down.
    is_required: bool,
    /// Handlers that were restarted after a failure.
    restarts: u64,
    starts_failed: u64,
    times_down: u64,
    background_panics: u64,
    deadline_seconds: f64,
    fallback: String,
    /// Those of a message seen lately, in its order.
    arguments: Vec<ArgumentJson>,
}

/// Its handlers, one on each arbiter.
#[derive(Debug, Serialize)]
struct InstancesJson {
    up: u64,
    restarting: u64,
    down: u64,
    stopped: u64,
}

/// An argument: never its value.
#[derive(Debug, Serialize)]
struct ArgumentJson {
    name: String,
    r#type: &'static str,
    length_bytes: Option<usize>,
}

/// Messages of one name without a route.
#[derive(Debug, Serialize)]
pub(super) struct UnroutedJson {
    message: String,
    count: u64,
    last_seen_seconds: f64,
    /// Those of a message seen lately, in its order.
    arguments: Vec<ArgumentJson>,
}

/// Those that reloads have removed are in the metrics alone.
pub(super) fn routes(statistics: &Statistics) -> Vec<RouteJson> {
    statistics.routes.iter().filter(|route| !route.is_removed).map(RouteJson::from).collect()
}

pub(super) fn unrouted(statistics: &Statistics) -> Vec<UnroutedJson> {
    statistics.unrouted.iter().map(UnroutedJson::from).collect()
}

impl From<&RouteStatistics> for RouteJson {
    fn from(route: &RouteStatistics) -> Self {
        let quantile =
            |part| Some(route.latencies.of(Outcome::Answered)?.quantile(part)?.as_secs_f64());
        let outcomes = route.outcomes();
        Self {
            route: route.route.clone(),
            calls: Outcome::ALL.into_iter().map(|outcome| outcomes.of(outcome)).sum(),
            outcomes: outcomes.into(),
            p50_seconds: quantile(0.5),
            p99_seconds: quantile(0.99),
            concurrency: route.concurrency,
            concurrency_limit: route.concurrency_limit,
            instances: route.instances.into(),
            is_required: route.is_required,
            restarts: route.restarts,
            starts_failed: route.starts_failed,
            times_down: route.times_down,
            background_panics: route.background_panics,
            deadline_seconds: route.deadline.as_secs_f64(),
            fallback: route.fallback.clone(),
            arguments: route.arguments.iter().map(ArgumentJson::from).collect(),
        }
    }
}

impl From<&UnroutedMessage> for UnroutedJson {
    fn from(unrouted: &UnroutedMessage) -> Self {
        Self {
            message: unrouted.message.clone(),
            count: unrouted.count,
            last_seen_seconds: unrouted.last_seen.as_secs_f64(),
            arguments: unrouted.arguments.iter().map(ArgumentJson::from).collect(),
        }
    }
}

impl From<Instances> for InstancesJson {
    fn from(instances: Instances) -> Self {
        let Instances { up, restarting, down, stopped, .. } = instances;
        Self { up, restarting, down, stopped }
    }
}

impl From<&ArgumentSeen> for ArgumentJson {
    fn from(argument: &ArgumentSeen) -> Self {
        let ArgumentSeen { kind, length, .. } = *argument;
        Self { name: argument.name.clone(), r#type: kind, length_bytes: length }
    }
}
