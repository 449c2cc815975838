//! Connection groups: the connections of each listener and of each engine.

use spoa_actors::observe::{EngineStatistics, ListenerStatistics, Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let listeners = |family: Family, count: fn(&ListenerStatistics) -> u64| {
        family.with_each(&statistics.listeners, |one| {
            ([("listener", one.listener.as_str())], count(one))
        })
    };
    let engines = |family: Family, count: fn(&EngineStatistics) -> u64| {
        family.with_each(&statistics.engines, |one| {
            ([("engine_id", one.engine_id.as_str())], count(one))
        })
    };
    vec![
        listeners(
            Family::gauge("spoa_listener_connections", "Open connections by listener."),
            |one| one.open,
        ),
        listeners(
            Family::counter(
                "spoa_listener_connections_accepted_total",
                "Connections accepted, by listener.",
            ),
            |one| one.accepted,
        ),
        engines(
            Family::gauge(
                "spoa_engine_connections",
                "Open connections by engine-id; from the 65th engine on it is other.",
            ),
            |one| one.open,
        ),
        engines(
            Family::counter(
                "spoa_engine_connections_accepted_total",
                "HELLOs accepted, by engine-id.",
            ),
            |one| one.accepted,
        ),
    ]
}
