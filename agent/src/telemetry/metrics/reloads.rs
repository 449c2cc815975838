//! Reloads: which generation of routes answers, and how the reloads have ended.

use std::time::UNIX_EPOCH;

use spoa_actors::observe::{ReloadOutcome, Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let reloads = &statistics.reloads;
    let outcomes = ReloadOutcome::ALL.map(|outcome| (outcome.label(), reloads.count(outcome)));
    // A clock before 1970 is wrong anyway.
    let last_success = reloads.last_success.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    vec![
        Family::gauge(
            "spoa_generation",
            "Number of the routes in use: 1 at the start, one more with each successful reload.",
        )
        .with(&[], reloads.generation),
        Family::counter(
            "spoa_reloads_total",
            "Reloads by outcome; every other than ok left the agent as it was.",
        )
        .with_each(outcomes, |(outcome, count)| ([("outcome", outcome)], count)),
        Family::gauge(
            "spoa_last_reload_successful",
            "Whether the last reload succeeded; 1 before the first.",
        )
        .with(&[], reloads.is_last_successful().into()),
        Family::gauge(
            "spoa_last_reload_success_timestamp_seconds",
            "Unix time of the last successful reload, or of the start.",
        )
        .with_f64(&[], last_success.unwrap_or_default().as_secs_f64()),
    ]
}
