//! Connections: those that are open, their limits, and how they ended.

use spoa_actors::{Limits, observe::Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    let ended = [
        ("age", statistics.connections_expired),
        ("memory", statistics.memory_exceeded),
        ("read_timeout", statistics.read_timeouts),
        ("write_timeout", statistics.write_timeouts),
        ("panic", statistics.connections_panicked),
    ];
    let mut families = vec![
        Family::gauge("spoa_connections", "Open connections.")
            .with(&[], statistics.connections_open),
        Family::gauge("spoa_connections_limit", "Limit of open connections (--max-connections).")
            .with(&[], limits.connections as u64),
        Family::gauge(
            "spoa_excess_connections",
            "Open connections over the limit: health checks, and connections to refuse.",
        )
        .with(&[], statistics.excess_connections),
        Family::gauge(
            "spoa_excess_connections_limit",
            "Limit of open connections over the limit (--max-excess-connections).",
        )
        .with(&[], limits.excess_connections as u64),
        Family::counter(
            "spoa_connections_closed_total",
            "Connections that the agent closed, by reason; panic is a bug of the agent.",
        )
        .with_each(ended, |(reason, count)| ([("reason", reason)], count)),
        Family::gauge(
            "spoa_buffered_bytes",
            "Bytes that connections buffer: unfinished frames, unread ACKs, messages in flight.",
        )
        .with(&[], statistics.buffered_bytes),
        Family::gauge(
            "spoa_buffered_bytes_limit",
            "Limit of the bytes that all connections buffer (--max-memory).",
        )
        .with(&[], limits.memory as u64),
        Family::counter(
            "spoa_reads_paused_total",
            "Times that reading from a connection paused because three quarters of --max-memory \
             were in use.",
        )
        .with(&[], statistics.reads_paused),
    ];
    families.extend(accepting(statistics));
    families
}

/// How they come in.
fn accepting(statistics: &Statistics) -> Vec<Family> {
    let paused = [
        ("connections", statistics.accepts_paused_for_connections),
        ("workers", statistics.accepts_paused_for_workers),
    ];
    vec![
        Family::gauge(
            "spoa_queued_connections",
            "Accepted connections that are queued for their worker thread.",
        )
        .with(&[], statistics.queued_connections),
        Family::counter(
            "spoa_connections_accepted_total",
            "Connections accepted, health checks included; those over the limit are not.",
        )
        .with(&[], statistics.connections_accepted),
        Family::counter(
            "spoa_connections_refused_total",
            "Connections refused because the connection limit was reached (--max-connections).",
        )
        .with(&[], statistics.connections_refused),
        Family::counter(
            "spoa_accepts_paused_total",
            "Times that accepting paused, by reason: connections (all are in use) or workers (no \
             worker thread takes further ones).",
        )
        .with_each(paused, |(reason, count)| ([("reason", reason)], count)),
        Family::counter(
            "spoa_workers_skipped_total",
            "Connections given to another worker thread because one had not taken its last ones.",
        )
        .with(&[], statistics.workers_skipped),
        Family::counter(
            "spoa_accepts_failed_total",
            "Connections that could not be accepted because no file could be opened \
             (LimitNOFILE).",
        )
        .with(&[], statistics.accepts_failed),
    ]
}
