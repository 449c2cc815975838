//! Messages: NOTIFYs, their ACKs, and what happened to the messages in them.

use spoa_actors::{Limits, Outcome, Statistics};

use crate::telemetry::family::Family;

/// NOTIFYs and their ACKs.
pub(super) fn families(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    vec![
        Family::counter("spoa_notifies_total", "Complete NOTIFYs received.")
            .with(&[], statistics.notifies),
        Family::gauge("spoa_notifies_in_flight", "NOTIFYs that wait for an answer now.")
            .with(&[], statistics.in_flight),
        Family::counter(
            "spoa_notifies_cancelled_total",
            "NOTIFYs whose connection ended before their answers had come.",
        )
        .with(&[], statistics.cancelled),
        Family::counter(
            "spoa_notifies_aborted_total",
            "Fragmented NOTIFYs on which HAProxy gave up.",
        )
        .with(&[], statistics.aborted),
        Family::counter(
            "spoa_notifies_oversize_total",
            "Fragmented NOTIFYs over the limit: answered with fallbacks, without being read.",
        )
        .with(&[], statistics.oversize),
        Family::histogram(
            "spoa_notify_duration_seconds",
            "From the arrival of a NOTIFY to its ACK.",
        )
        .with_durations(&[], &statistics.latency),
        Family::counter("spoa_acks_total", "ACKs sent.").with(&[], statistics.acks),
        Family::counter(
            "spoa_acks_rerouted_total",
            "ACKs sent on another connection than their own, which had gone.",
        )
        .with(&[], statistics.acks_rerouted),
        Family::counter(
            "spoa_acks_dropped_total",
            "ACKs of a connection that had gone and that no other of its engine took.",
        )
        .with(&[], statistics.acks_dropped),
        Family::counter(
            "spoa_actions_left_out_total",
            "Actions that did not fit into their ACK: raise max-frame-size in HAProxy and here.",
        )
        .with(&[], statistics.actions_left_out),
        Family::gauge("spoa_messages_in_flight", "Messages that wait for their answers now.")
            .with(&[], statistics.routes.iter().map(|route| route.in_flight).sum()),
        Family::gauge(
            "spoa_messages_in_flight_limit",
            "How many messages of the whole agent may wait for their answers (--max-in-flight).",
        )
        .with(&[], limits.in_flight_per_agent as u64),
        Family::counter(
            "spoa_messages_total",
            "Messages by what happened to them; without a route (no_route) they contribute \
                 nothing: compare the names in HAProxy's configuration with the routes. So do those \
                 beyond the 17,408th of their NOTIFY (unread).",
        )
        .with_each(Outcome::ALL, |outcome| {
            ([("outcome", outcome.label())], statistics.messages.of(outcome))
        })
        .with(&[("outcome", "no_route")], statistics.messages_without_route)
        .with(&[("outcome", "unread")], statistics.messages_unread),
    ]
}
