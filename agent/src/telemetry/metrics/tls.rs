//! TLS: handshakes and certificates.

use std::time::SystemTime;

use spoa_actors::{
    Limits,
    observe::{ListenerStatistics, Statistics},
};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    let reloads = [
        ("loaded", statistics.certificates_reloaded),
        ("refused", statistics.certificates_refused),
    ];
    vec![
        Family::counter(
            "spoa_tls_handshakes_failed_total",
            "TLS handshakes that failed or were not complete in time.",
        )
        .with(&[], statistics.tls_handshakes_failed),
        Family::gauge("spoa_tls_handshakes", "TLS handshakes in progress.")
            .with(&[], statistics.tls_handshakes),
        Family::gauge(
            "spoa_tls_handshakes_limit",
            "Limit of TLS handshakes in progress (--max-handshakes).",
        )
        .with(&[], limits.handshakes as u64),
        Family::counter(
            "spoa_tls_handshakes_refused_total",
            "TLS handshakes refused or closed, by reason: limit (--max-handshakes) or memory \
             (--max-memory).",
        )
        .with_each(statistics.tls_handshakes_refused.iter(), |(reason, count)| {
            ([("reason", reason)], count)
        }),
        Family::counter(
            "spoa_certificate_reloads_total",
            "Changed certificates by outcome: loaded, or refused (the old ones stay in use).",
        )
        .with_each(reloads, |(outcome, count)| ([("outcome", outcome)], count)),
        Family::gauge(
            "spoa_certificate_expiry_timestamp_seconds",
            "Time at which the certificate in use expires, in seconds since 1970, by listener.",
        )
        .with_each(statistics.listeners.iter().filter_map(expiry), |(listener, seconds)| {
            ([("listener", listener)], seconds)
        }),
    ]
}

/// When the certificate of a listener expires, in seconds since 1970.
fn expiry(listener: &ListenerStatistics) -> Option<(&str, u64)> {
    let expires = listener.certificate_expires?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((&listener.listener, expires.as_secs()))
}
