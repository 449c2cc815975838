//! Connections: those that are open, their limits, and how they ended.

use spoa_actors::{Limits, Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    let ended = [
        ("age", statistics.connections_recycled),
        ("memory", statistics.memory_exceeded),
        ("read_timeout", statistics.read_timeouts),
        ("write_timeout", statistics.write_timeouts),
        ("panic", statistics.connections_panicked),
    ];
    let mut families = vec![
        Family::gauge("spoa_connections", "Connections that are open now.")
            .with(&[], statistics.connections_open),
        Family::gauge(
            "spoa_connections_limit",
            "How many connections may be open (--max-connections).",
        )
        .with(&[], limits.connections as u64),
        Family::gauge(
            "spoa_surplus_connections",
            "Connections over the limit that are open now: health checks, and refused ones.",
        )
        .with(&[], statistics.connections_surplus),
        Family::gauge(
            "spoa_surplus_connections_limit",
            "How many connections over the limit may be open.",
        )
        .with(&[], limits.surplus as u64),
        Family::counter(
            "spoa_connections_ended_total",
            "Connections that the agent ended, by reason; panic is a bug of the agent.",
        )
        .with_each(ended, |(reason, count)| ([("reason", reason)], count)),
        Family::gauge(
            "spoa_kept_bytes",
            "Bytes that connections keep: unfinished frames, unread ACKs, messages in flight.",
        )
        .with(&[], statistics.bytes_kept),
        Family::gauge(
            "spoa_kept_bytes_limit",
            "Bytes that all connections together may keep (--max-memory).",
        )
        .with(&[], limits.memory as u64),
        Family::counter(
            "spoa_memory_waits_total",
            "Times that a connection was not read until answers came, because three quarters of \
             --max-memory were in use: raise --max-memory.",
        )
        .with(&[], statistics.memory_waits),
    ];
    families.extend(accepting(statistics));
    families
}

/// How they come in.
fn accepting(statistics: &Statistics) -> Vec<Family> {
    let paused = [
        ("connections", statistics.accepts_paused_for_places),
        ("workers", statistics.accepts_paused_for_arbiters),
    ];
    vec![
        Family::gauge(
            "spoa_untaken_connections",
            "Accepted connections that their worker thread has not taken yet.",
        )
        .with(&[], statistics.connections_untaken),
        Family::counter(
            "spoa_connections_accepted_total",
            "Connections accepted, health checks included; those over the limit are not.",
        )
        .with(&[], statistics.connections_accepted),
        Family::counter(
            "spoa_connections_refused_total",
            "Connections refused because as many were open as may be: raise --max-connections.",
        )
        .with(&[], statistics.connections_refused),
        Family::counter(
            "spoa_accepts_paused_total",
            "How often accepting paused, by reason: all connections open, or no worker thread takes any.",
        )
        .with_each(paused, |(reason, count)| ([("reason", reason)], count)),
        Family::counter(
            "spoa_workers_passed_over_total",
            "Connections given to another worker thread, as one had not taken its last ones.",
        )
        .with(&[], statistics.arbiters_passed_over),
        Family::counter(
            "spoa_accepts_failed_total",
            "Connections that could not be accepted as no file could be opened: raise LimitNOFILE.",
        )
        .with(&[], statistics.accepts_failed),
    ]
}
