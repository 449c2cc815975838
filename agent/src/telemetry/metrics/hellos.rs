//! HELLOs: what connections begin with, until HELLO is agreed.

use spoa_actors::observe::Statistics;

use crate::telemetry::family::Family;

/// What comes before NOTIFYs.
pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let wrong = &statistics.protocol_mismatches;
    let wrong = [
        ("http", wrong.http),
        ("tls", wrong.tls),
        ("proxy_header", wrong.proxy_header),
        ("other", wrong.other),
    ];
    let checks =
        [("healthy", statistics.healthchecks), ("refused", statistics.healthchecks_refused)];
    vec![
        Family::counter("spoa_hellos_total", "HELLOs accepted.").with(&[], statistics.hellos),
        Family::counter(
            "spoa_hellos_refused_total",
            "HELLOs refused or missing, by reason; the log has the fix.",
        )
        .with_each(statistics.hello_refusals.iter(), |(reason, count)| {
            ([("reason", reason)], count)
        }),
        Family::counter(
            "spoa_protocol_mismatches_total",
            "Connections that began with an unexpected protocol, by protocol; compare HAProxy's \
             server line with the agent's options.",
        )
        .with_each(wrong, |(protocol, count)| ([("protocol", protocol)], count)),
        Family::counter(
            "spoa_proxy_headers_refused_total",
            "PROXY headers that were invalid or did not arrive in time.",
        )
        .with(&[], statistics.proxy_headers_refused),
        Family::counter(
            "spoa_healthchecks_total",
            "Health checks by outcome; they are refused while the agent stops.",
        )
        .with_each(checks, |(outcome, count)| ([("outcome", outcome)], count)),
    ]
}
