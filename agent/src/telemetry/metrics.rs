//! Metrics: what the agent counts, under the names that Prometheus and OTLP see.

use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{
    TextEncoder, core::Collector, process_collector::ProcessCollector, proto::MetricFamily,
};
use spoa_actors::{Limits, Outcomes, Statistics, StatusCounts, spop::StatusCode};

use crate::telemetry::{family::Family, span_counts::SpanCounts};

/// The text of `/metrics`, in the format that Prometheus scrapes.
///
/// # Errors
///
/// If a metric is malformed, which would be a bug.
pub(crate) fn text(
    statistics: &Statistics,
    limits: &Limits,
    spans: &SpanCounts,
) -> Result<String, prometheus::Error> {
    TextEncoder::new().encode_to_string(&families(statistics, limits, spans))
}

/// Everything that is counted.
pub(crate) fn families(
    statistics: &Statistics,
    limits: &Limits,
    spans: &SpanCounts,
) -> Vec<MetricFamily> {
    let own = [
        build(),
        connections(statistics, limits),
        greetings(statistics),
        traffic(statistics),
        answers(statistics, limits),
        handlers(statistics),
        exports(spans),
    ];
    let own = own.into_iter().flatten().filter_map(Family::into_proto);
    own.chain(process()).collect()
}

fn build() -> Vec<Family> {
    let help = "Always 1; the version of the agent.";
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    vec![Family::gauge("spoa_build_info", help).with(&version, 1)]
}

fn connections(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
    let ended = [
        ("age", statistics.connections_recycled),
        ("memory", statistics.memory_exceeded),
        ("read_timeout", statistics.read_timeouts),
        ("write_timeout", statistics.write_timeouts),
        ("panic", statistics.connections_panicked),
    ];
    vec![
        Family::gauge("spoa_connections", "Connections that are open now.")
            .with(&[], statistics.connections_open),
        Family::gauge(
            "spoa_connections_limit",
            "How many connections may be open (--max-connections).",
        )
        .with(&[], limits.connections as u64),
        Family::counter(
            "spoa_connections_accepted_total",
            "Connections accepted, health checks included.",
        )
        .with(&[], statistics.connections_accepted),
        Family::counter(
            "spoa_connections_refused_total",
            "Connections refused because as many were open as may be: raise --max-connections.",
        )
        .with(&[], statistics.connections_refused),
        Family::counter(
            "spoa_accepts_failed_total",
            "Connections that could not be accepted as no file could be opened: raise LimitNOFILE.",
        )
        .with(&[], statistics.accepts_failed),
        ended.into_iter().fold(
            Family::counter(
                "spoa_connections_ended_total",
                "Connections that the agent ended, by reason; panic is a bug of the agent.",
            ),
            |family, (reason, count)| family.with(&[("reason", reason)], count),
        ),
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
    ]
}

/// What comes before NOTIFYs.
fn greetings(statistics: &Statistics) -> Vec<Family> {
    let wrong = &statistics.wrong_traffic;
    let wrong = [
        ("http", wrong.http),
        ("tls", wrong.tls),
        ("proxy_header", wrong.proxy_header),
        ("other", wrong.other),
    ];
    let checks =
        [("healthy", statistics.healthchecks), ("refused", statistics.healthchecks_refused)];
    let reloads =
        [("taken", statistics.certificates_reloaded), ("refused", statistics.certificates_refused)];
    vec![
        Family::counter("spoa_hellos_total", "HELLOs agreed.").with(&[], statistics.hellos),
        Family::counter("spoa_hellos_refused_total", "HELLOs refused.")
            .with(&[], statistics.hellos_refused),
        wrong.into_iter().fold(
            Family::counter(
                "spoa_wrong_traffic_total",
                "Connections that began with another protocol than is due, by what it was: compare \
                 HAProxy's server line with the agent's options.",
            ),
            |family, (protocol, count)| family.with(&[("protocol", protocol)], count),
        ),
        Family::counter(
            "spoa_proxy_headers_refused_total",
            "PROXY headers that could not be read, or did not come in time.",
        )
        .with(&[], statistics.proxy_headers_refused),
        Family::counter(
            "spoa_tls_handshakes_failed_total",
            "TLS handshakes that failed, or were not complete in time.",
        )
        .with(&[], statistics.tls_handshakes_failed),
        reloads.into_iter().fold(
            Family::counter(
                "spoa_certificate_reloads_total",
                "Changed certificates that were taken, or refused so that the old ones stay in use.",
            ),
            |family, (outcome, count)| family.with(&[("outcome", outcome)], count),
        ),
        checks.into_iter().fold(
            Family::counter(
                "spoa_healthchecks_total",
                "Health checks answered; they are refused while the agent stops.",
            ),
            |family, (outcome, count)| family.with(&[("outcome", outcome)], count),
        ),
    ]
}

/// Frames and bytes.
fn traffic(statistics: &Statistics) -> Vec<Family> {
    let disconnects = |family: Family, direction, counts: &StatusCounts| {
        counts.iter().fold(family, |family, (code, count)| {
            let labels = [("direction", direction), ("status_code", status_code(code))];
            family.with(&labels, count)
        })
    };
    let family = Family::counter(
        "spoa_disconnects_total",
        "DISCONNECT frames by status-code: those sent are the agent's, those received HAProxy's.",
    );
    let family = disconnects(family, "sent", &statistics.disconnects_sent);
    vec![
        Family::counter("spoa_received_bytes_total", "Bytes received.")
            .with(&[], statistics.bytes_in),
        Family::counter("spoa_sent_bytes_total", "Bytes sent.").with(&[], statistics.bytes_out),
        Family::counter("spoa_fragments_total", "Fragments received, each counted.")
            .with(&[], statistics.fragments),
        Family::counter(
            "spoa_unknown_frames_total",
            "Frames of a type that the specification does not know: skipped.",
        )
        .with(&[], statistics.unknown_frames),
        disconnects(family, "received", &statistics.disconnects_received),
    ]
}

/// NOTIFYs and their ACKs.
fn answers(statistics: &Statistics, limits: &Limits) -> Vec<Family> {
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
            "spoa_actions_left_out_total",
            "Actions that did not fit into their ACK: raise max-frame-size in HAProxy and here.",
        )
        .with(&[], statistics.actions_left_out),
        Family::gauge(
            "spoa_messages_in_flight_limit",
            "How many messages of the whole agent may wait for their answers (--max-in-flight).",
        )
        .with(&[], limits.in_flight_per_agent as u64),
        outcomes(
            Family::counter(
                "spoa_messages_total",
                "Messages by what became of them; without a route (no_route) they contribute \
                 nothing: compare the names in HAProxy's configuration with the routes.",
            ),
            &[],
            &statistics.messages,
        )
        .with(&[("outcome", "no_route")], statistics.messages_without_route),
    ]
}

/// What handlers went through.
fn handlers(statistics: &Statistics) -> Vec<Family> {
    vec![
        Family::counter("spoa_handlers_renewed_total", "Handlers renewed after a failure.")
            .with(&[], statistics.handlers_renewed),
        Family::counter(
            "spoa_handler_starts_failed_total",
            "Starts of handlers that failed, renewals included; the log has the cause.",
        )
        .with(&[], statistics.handler_starts_failed),
        Family::counter(
            "spoa_handlers_given_up_total",
            "How often a handler had failed too often, and was not asked for a while.",
        )
        .with(&[], statistics.handlers_given_up),
        Family::counter(
            "spoa_handler_panics_aside_total",
            "Panics of handlers beside their messages: in a task, or in a call that was late.",
        )
        .with(&[], statistics.panics_aside),
    ]
}

/// Spans on their way to the collector.
fn exports(spans: &SpanCounts) -> Vec<Family> {
    let outcomes =
        [("exported", spans.exported), ("dropped", spans.dropped), ("failed", spans.failed)];
    vec![
        outcomes.into_iter().fold(
            Family::counter(
                "spoa_spans_total",
                "Spans by what became of them: dropped as the queue was full (lower --trace-ratio \
                 or raise OTEL_BSP_MAX_QUEUE_SIZE), failed as the collector did not take them.",
            ),
            |family, (outcome, count)| family.with(&[("outcome", outcome)], count),
        ),
        Family::gauge("spoa_spans_queued", "Spans that wait for their export now.")
            .with(&[], spans.queued),
        Family::gauge(
            "spoa_spans_queued_limit",
            "How many spans may wait for their export (OTEL_BSP_MAX_QUEUE_SIZE); 0 without tracing.",
        )
        .with(&[], spans.limit),
    ]
}

fn process() -> Vec<MetricFamily> {
    // It adds the CPU time since it was asked last, so two at a time would add it twice.
    static PROCESS: LazyLock<Mutex<ProcessCollector>> =
        LazyLock::new(|| Mutex::new(ProcessCollector::for_self()));
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner).collect()
}

fn outcomes(family: Family, labels: &[(&str, &str)], outcomes: &Outcomes) -> Family {
    let counts = [
        ("ok", outcomes.answered),
        ("bad_arguments", outcomes.bad_arguments),
        ("error", outcomes.failed),
        ("panicked", outcomes.panicked),
        ("late", outcomes.late),
        ("overloaded", outcomes.overloaded),
        ("full", outcomes.full),
        ("down", outcomes.down),
        ("oversize", outcomes.oversize),
        ("gone", outcomes.gone),
    ];
    counts.into_iter().fold(family, |family, (outcome, count)| {
        family.with(&[labels, &[("outcome", outcome)]].concat(), count)
    })
}

/// The name of a status-code as a label.
fn status_code(code: StatusCode) -> &'static str {
    match code {
        StatusCode::NORMAL => "normal",
        StatusCode::IO_ERROR => "io_error",
        StatusCode::TIMEOUT => "timeout",
        StatusCode::TOO_BIG => "too_big",
        StatusCode::INVALID => "invalid",
        StatusCode::NO_VERSION => "no_version",
        StatusCode::NO_FRAME_SIZE => "no_frame_size",
        StatusCode::NO_CAPABILITIES => "no_capabilities",
        StatusCode::BAD_VERSION => "bad_version",
        StatusCode::BAD_FRAME_SIZE => "bad_frame_size",
        StatusCode::NO_FRAGMENTATION => "no_fragmentation",
        StatusCode::INTERLACED => "interlaced",
        StatusCode::FRAME_NOT_FOUND => "frame_not_found",
        StatusCode::NO_RESOURCE => "no_resource",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_rt::System;
    use spoa_actors::{Agent, spop::Messages, testing};

    use super::*;
    use crate::handlers;

    /// The fields of the statistics, as they are printed.
    fn fields() -> BTreeSet<String> {
        let printed = format!("{:#?}", Statistics::default());
        let own = printed.lines().filter_map(|line| line.strip_prefix("    "));
        let own = own.filter(|line| line.starts_with(char::is_alphabetic));
        own.filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect()
    }

    /// Sets each to a number of its own and finds it in the text; tells the names that it tried.
    macro_rules! check_numbers {
        ($($($field:ident).+ => $sample:literal,)+) => {{
            let mut statistics = Statistics::default();
            let mut number = 1000;
            $(number += 1; statistics.$($field).+ = number;)+
            let text = text(&statistics, &Limits::default(), &SpanCounts::default()).unwrap();
            let mut number = 1000;
            $(
                number += 1;
                let line = format!("{} {number}", $sample);
                assert!(text.lines().any(|found| found == line), "{line} not in {text}");
            )+
            [$(stringify!($($field).+)),+].map(|name| name.split('.').next().unwrap().to_owned())
        }};
    }

    #[test]
    fn every_number_of_the_statistics_is_exported() {
        let tried = check_numbers! {
            connections_accepted => "spoa_connections_accepted_total",
            accepts_failed => "spoa_accepts_failed_total",
            connections_refused => "spoa_connections_refused_total",
            connections_open => "spoa_connections",
            connections_recycled => r#"spoa_connections_ended_total{reason="age"}"#,
            bytes_kept => "spoa_kept_bytes",
            memory_exceeded => r#"spoa_connections_ended_total{reason="memory"}"#,
            read_timeouts => r#"spoa_connections_ended_total{reason="read_timeout"}"#,
            write_timeouts => r#"spoa_connections_ended_total{reason="write_timeout"}"#,
            connections_panicked => r#"spoa_connections_ended_total{reason="panic"}"#,
            hellos => "spoa_hellos_total",
            hellos_refused => "spoa_hellos_refused_total",
            wrong_traffic.http => r#"spoa_wrong_traffic_total{protocol="http"}"#,
            wrong_traffic.tls => r#"spoa_wrong_traffic_total{protocol="tls"}"#,
            wrong_traffic.proxy_header => r#"spoa_wrong_traffic_total{protocol="proxy_header"}"#,
            wrong_traffic.other => r#"spoa_wrong_traffic_total{protocol="other"}"#,
            proxy_headers_refused => "spoa_proxy_headers_refused_total",
            tls_handshakes_failed => "spoa_tls_handshakes_failed_total",
            certificates_reloaded => r#"spoa_certificate_reloads_total{outcome="taken"}"#,
            certificates_refused => r#"spoa_certificate_reloads_total{outcome="refused"}"#,
            healthchecks => r#"spoa_healthchecks_total{outcome="healthy"}"#,
            healthchecks_refused => r#"spoa_healthchecks_total{outcome="refused"}"#,
            notifies => "spoa_notifies_total",
            acks => "spoa_acks_total",
            acks_rerouted => "spoa_acks_rerouted_total",
            in_flight => "spoa_notifies_in_flight",
            cancelled => "spoa_notifies_cancelled_total",
            bytes_in => "spoa_received_bytes_total",
            bytes_out => "spoa_sent_bytes_total",
            fragments => "spoa_fragments_total",
            aborted => "spoa_notifies_aborted_total",
            oversize => "spoa_notifies_oversize_total",
            unknown_frames => "spoa_unknown_frames_total",
            messages_without_route => r#"spoa_messages_total{outcome="no_route"}"#,
            actions_left_out => "spoa_actions_left_out_total",
            handlers_renewed => "spoa_handlers_renewed_total",
            handler_starts_failed => "spoa_handler_starts_failed_total",
            handlers_given_up => "spoa_handlers_given_up_total",
            panics_aside => "spoa_handler_panics_aside_total",
            messages.answered => r#"spoa_messages_total{outcome="ok"}"#,
            messages.bad_arguments => r#"spoa_messages_total{outcome="bad_arguments"}"#,
            messages.failed => r#"spoa_messages_total{outcome="error"}"#,
            messages.panicked => r#"spoa_messages_total{outcome="panicked"}"#,
            messages.late => r#"spoa_messages_total{outcome="late"}"#,
            messages.overloaded => r#"spoa_messages_total{outcome="overloaded"}"#,
            messages.full => r#"spoa_messages_total{outcome="full"}"#,
            messages.down => r#"spoa_messages_total{outcome="down"}"#,
            messages.oversize => r#"spoa_messages_total{outcome="oversize"}"#,
            messages.gone => r#"spoa_messages_total{outcome="gone"}"#,
        };
        // Those that an agent alone can fill: see the next test.
        let others = ["disconnects_sent", "disconnects_received", "latency"].map(str::to_owned);
        let tried: BTreeSet<_> = tried.into_iter().chain(others).collect();
        let forgotten: Vec<_> = fields().difference(&tried).cloned().collect();
        assert!(forgotten.is_empty(), "not exported: {forgotten:?}");
    }

    /// What an agent has counted that was asked once and left by its peer.
    fn used() -> Statistics {
        System::new().block_on(async {
            let agent = Agent::bind("127.0.0.1:0").unwrap();
            let agent = agent.start(handlers::registry()).await.unwrap();
            let stream = tokio::net::TcpStream::connect(agent.local_addresses()[0]).await.unwrap();
            let mut haproxy = testing::FakeHaproxy::new(stream);
            haproxy.hello(testing::hello()).await.unwrap();
            haproxy.notify(Messages::default()).await.unwrap();
            agent.statistics().await
        })
    }

    #[test]
    fn an_agent_that_was_used_shows_what_it_did() {
        let statistics = used();
        let text = text(&statistics, &Limits::default(), &SpanCounts::default()).unwrap();
        for line in [
            "spoa_notifies_total 1",
            "spoa_notify_duration_seconds_count 1",
            r#"spoa_notify_duration_seconds_bucket{le="16.777216"} 1"#,
            "# TYPE spoa_notify_duration_seconds histogram",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in {text}");
        }
        let bounds = text.lines().filter_map(|line| line.split_once("le=\"")?.1.split_once('"'));
        let bounds: Vec<_> = bounds.map(|(bound, _)| bound.to_owned()).collect();
        assert_eq!(bounds.len(), 25, "{text}");
        assert_eq!((&*bounds[0], &*bounds[9], &*bounds[24]), ("0.000002", "0.001024", "+Inf"));
    }
}
