//! Messages: NOTIFYs, their ACKs, and what happened to the messages in them.

use spoa_actors::{
    Limits,
    observe::{Outcome, Statistics},
};

use crate::telemetry::family::Family;

/// NOTIFYs and their ACKs.
pub(super) fn families(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    vec![
        Family::counter("spoa_notifies_total", "Complete NOTIFYs received.")
            .with(&[], statistics.notifies),
        Family::gauge("spoa_notifies_in_flight", "NOTIFYs that wait for their ACK.")
            .with(&[], statistics.notifies_in_flight),
        Family::counter(
            "spoa_notifies_cancelled_total",
            "NOTIFYs whose connection ended before their ACK.",
        )
        .with(&[], statistics.notifies_cancelled),
        Family::counter(
            "spoa_notifies_aborted_total",
            "NOTIFYs in fragments that HAProxy aborted.",
        )
        .with(&[], statistics.notifies_aborted),
        Family::counter(
            "spoa_notifies_too_large_total",
            "NOTIFYs in fragments over the size limit (--max-reassembled-size): answered with \
             fallbacks, not read.",
        )
        .with(&[], statistics.notifies_too_large),
        Family::histogram(
            "spoa_notify_duration_seconds",
            "Time from the arrival of a NOTIFY to its ACK.",
        )
        .with_durations(&[], &statistics.latency),
        Family::counter("spoa_acks_total", "ACKs sent.").with(&[], statistics.acks),
        Family::counter(
            "spoa_acks_rerouted_total",
            "ACKs sent on another connection because their own was lost.",
        )
        .with(&[], statistics.acks_rerouted),
        Family::counter(
            "spoa_acks_dropped_total",
            "ACKs whose connection was lost and that no other connection of the engine took.",
        )
        .with(&[], statistics.acks_dropped),
        Family::counter(
            "spoa_actions_dropped_total",
            "Actions that did not fit into their ACK; raise HAProxy's tune.bufsize.",
        )
        .with(&[], statistics.actions_dropped),
        Family::gauge("spoa_messages_in_flight", "Messages that wait for their answers.")
            .with(&[], statistics.routes.iter().map(|route| route.concurrency).sum()),
        Family::gauge(
            "spoa_messages_in_flight_limit",
            "Limit of messages that wait for their answers in the whole agent (--max-messages).",
        )
        .with(&[], limits.messages as u64),
        Family::counter(
            "spoa_messages_total",
            "Messages by outcome; no_route has no handler of that name, unread is after the first \
             17,408 of its NOTIFY.",
        )
        .with_each(Outcome::ALL, |outcome| {
            ([("outcome", outcome.label())], statistics.messages.of(outcome))
        })
        .with(&[("outcome", "no_route")], statistics.messages_without_route)
        .with(&[("outcome", "unread")], statistics.messages_unread),
    ]
}
