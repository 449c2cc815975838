//! Route JSON: what `/status.json` says of one route.

use serde::Serialize;
use spoa_actors::Statistics;

use crate::admin::totals_json::OutcomesJson;

/// What was seen of one message.
#[derive(Debug, Serialize)]
pub(super) struct RouteJson {
    /// `(any other)` for those that only the catch-all takes.
    message: String,
    calls: u64,
    outcomes: OutcomesJson,
    /// How long those took at the longest that were answered, the fastest half of them and the
    /// fastest 99 of 100.
    p50_seconds: Option<f64>,
    p99_seconds: Option<f64>,
    in_flight: u64,
    in_flight_limit: u64,
    instances: InstancesJson,
    /// Whether the agent is not ready while its handler is down.
    is_required: bool,
    /// Handlers that were renewed after a failure.
    restarts: u64,
    starts_failed: u64,
    given_up: u64,
    panics_aside: u64,
    deadline_seconds: f64,
    fallback: String,
    /// Those of a message seen lately, in its order.
    arguments: Vec<ArgumentJson>,
}

/// Its handlers, one on each arbiter.
#[derive(Debug, Serialize)]
struct InstancesJson {
    up: u64,
    renewing: u64,
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

pub(super) fn routes(_: &Statistics) -> Vec<RouteJson> {
    Vec::new()
}
