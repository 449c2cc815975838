//! Metrics: what the agent counts, under the names that Prometheus and OTLP see.

mod chains;
mod connection_groups;
mod connections;
mod frames;
mod hellos;
mod messages;
mod reloads;
mod routes;
mod tls;

use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{
    TextEncoder, core::Collector, process_collector::ProcessCollector, proto::MetricFamily,
};
use spoa_actors::{Limits, observe::Statistics};
use spoa_handlers::metric::Registry;

use crate::{
    program,
    telemetry::{
        admin_counters::{AdminCounters, Outcome},
        family::Family,
        line_queue::LostLines,
        span_counts::SpanCounts,
    },
};

/// The text of `/metrics`, in the format that Prometheus scrapes.
///
/// # Errors
///
/// If a metric is malformed, which would be a bug.
pub(crate) fn text(
    statistics: &Statistics,
    limits: &Limits,
    spans: &SpanCounts,
    admin: &AdminCounters,
    lost_lines: LostLines,
) -> Result<String, prometheus::Error> {
    let mut families = families(statistics, limits, spans, lost_lines);
    families.extend(visits(admin).into_proto());
    TextEncoder::new().encode_to_string(&families)
}

/// Everything that is counted.
pub(crate) fn families(
    statistics: &Statistics,
    limits: &Limits,
    spans: &SpanCounts,
    lost_lines: LostLines,
) -> Vec<MetricFamily> {
    let mut own = vec![build(statistics), log(lost_lines), exports(spans), chains::families()];
    // Without one arbiter, counters would seem to be reset: a gap is better.
    if statistics.workers_unresponsive == 0 {
        own.extend([
            connections::families(statistics, limits),
            connection_groups::families(statistics),
            hellos::families(statistics),
            tls::families(statistics, limits),
            frames::families(statistics),
            messages::families(statistics, limits),
            routes::families(statistics),
            reloads::families(statistics),
        ]);
    }
    let described = Registry::of_process().families();
    let own = own.into_iter().flatten().chain(described.iter().map(Family::of_described));
    own.filter_map(Family::into_proto).chain(process()).collect()
}

fn build(statistics: &Statistics) -> Vec<Family> {
    let help = "Always 1; the labels have the name and the version of the program.";
    let (program, version) = program::running();
    let silent = "Worker threads that did not answer within 1 s, because a handler blocks them or the \
             agent has ended. Meanwhile other metrics of the agent are not shown.";
    vec![
        Family::gauge("spoa_build_info", help)
            .with(&[("program", program), ("version", version)], 1),
        Family::gauge("spoa_workers_unresponsive", silent)
            .with(&[], statistics.workers_unresponsive),
    ]
}

/// Lost log lines.
fn log(lost: LostLines) -> Vec<Family> {
    let reasons = [("full", lost.full), ("failed", lost.failed)];
    let help = "Log lines dropped, by reason: full (1 MiB was queued; check the program that reads \
             stderr) or failed (stderr could not be written).";
    let family = Family::counter("spoa_log_lines_dropped_total", help);
    vec![family.with_each(reasons, |(reason, count)| ([("reason", reason)], count))]
}

/// Spans on their way to the collector.
fn exports(spans: &SpanCounts) -> Vec<Family> {
    let outcomes =
        [("exported", spans.exported), ("dropped", spans.dropped), ("failed", spans.failed)];
    vec![
        outcomes.into_iter().fold(
            Family::counter(
                "spoa_spans_total",
                "Spans by outcome: exported, dropped (queue full; lower --trace-ratio or raise \
             OTEL_BSP_MAX_QUEUE_SIZE) or failed (the collector did not accept them).",
            ),
            |family, (outcome, count)| family.with(&[("outcome", outcome)], count),
        ),
        Family::gauge("spoa_spans_queued", "Spans that are queued for export.")
            .with(&[], spans.queued),
        Family::gauge(
            "spoa_spans_queued_limit",
            "Limit of queued spans (OTEL_BSP_MAX_QUEUE_SIZE); 0 without tracing.",
        )
        .with(&[], spans.limit),
    ]
}

/// Connections to the admin endpoint.
fn visits(admin: &AdminCounters) -> Family {
    let help = "Connections to the admin endpoint by outcome: answered, misdirected (another Host), \
             unauthorized, timed_out, displaced (by another client) or disconnected.";
    let family = Family::counter("spoa_admin_connections_total", help);
    Outcome::ALL.into_iter().fold(family, |family, outcome| {
        family.with(&[("outcome", outcome.label())], admin.of(outcome))
    })
}

fn process() -> Vec<MetricFamily> {
    // It adds the CPU time since it was asked last, so two at a time would add it twice.
    static PROCESS: LazyLock<Mutex<ProcessCollector>> =
        LazyLock::new(|| Mutex::new(ProcessCollector::for_self()));
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use actix_rt::System;
    use spoa_actors::{
        Actions, Agent, BoxError, Message, Registry, Route,
        spop::{HaproxyHello, Messages},
        testing::{self, FakeHaproxy},
    };
    use tokio::net::TcpStream;

    use super::*;

    fn text_of(statistics: &Statistics) -> String {
        let (limits, spans) = (Limits::default(), SpanCounts::default());
        text(statistics, &limits, &spans, &AdminCounters::default(), LostLines::default()).unwrap()
    }

    const HANDLER_OK: &str =
        r#"spoa_handler_duration_seconds_count{route="check-client-ip",outcome="answered"}"#;

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
            let text = text_of(&statistics);
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
    fn while_an_arbiter_is_silent_no_counter_goes_back() {
        let mut statistics = Statistics::default();
        (statistics.notifies, statistics.workers_unresponsive) = (7, 1);
        let text = text_of(&statistics);
        assert!(text.contains("\nspoa_workers_unresponsive 1\n"), "{text}");
        assert!(text.contains("\nspoa_spans_queued 0\n") && !text.contains("notifies"), "{text}");
    }

    #[allow(clippy::too_many_lines, reason = "it is a table")]
    #[test]
    fn every_number_of_the_statistics_is_exported() {
        let tried = check_numbers! {
            connections_accepted => "spoa_connections_accepted_total",
            accepts_failed => "spoa_accepts_failed_total",
            connections_refused => "spoa_connections_refused_total",
            accepts_paused_for_connections => r#"spoa_accepts_paused_total{reason="connections"}"#,
            accepts_paused_for_workers => r#"spoa_accepts_paused_total{reason="workers"}"#,
            workers_skipped => "spoa_workers_skipped_total",
            queued_connections => "spoa_queued_connections",
            connections_open => "spoa_connections",
            excess_connections => "spoa_excess_connections",
            connections_expired => r#"spoa_connections_closed_total{reason="age"}"#,
            buffered_bytes => "spoa_buffered_bytes",
            memory_exceeded => r#"spoa_connections_closed_total{reason="memory"}"#,
            reads_paused => "spoa_reads_paused_total",
            read_timeouts => r#"spoa_connections_closed_total{reason="read_timeout"}"#,
            write_timeouts => r#"spoa_connections_closed_total{reason="write_timeout"}"#,
            connections_panicked => r#"spoa_connections_closed_total{reason="panic"}"#,
            hellos => "spoa_hellos_total",
            protocol_mismatches.http => r#"spoa_protocol_mismatches_total{protocol="http"}"#,
            protocol_mismatches.tls => r#"spoa_protocol_mismatches_total{protocol="tls"}"#,
            protocol_mismatches.proxy_header => r#"spoa_protocol_mismatches_total{protocol="proxy_header"}"#,
            protocol_mismatches.other => r#"spoa_protocol_mismatches_total{protocol="other"}"#,
            proxy_headers_refused => "spoa_proxy_headers_refused_total",
            tls_handshakes => "spoa_tls_handshakes",
            tls_handshakes_failed => "spoa_tls_handshakes_failed_total",
            certificates_reloaded => r#"spoa_certificate_reloads_total{outcome="loaded"}"#,
            certificates_refused => r#"spoa_certificate_reloads_total{outcome="refused"}"#,
            healthchecks => r#"spoa_healthchecks_total{outcome="healthy"}"#,
            healthchecks_refused => r#"spoa_healthchecks_total{outcome="refused"}"#,
            notifies => "spoa_notifies_total",
            acks => "spoa_acks_total",
            acks_rerouted => "spoa_acks_rerouted_total",
            acks_dropped => "spoa_acks_dropped_total",
            notifies_in_flight => "spoa_notifies_in_flight",
            notifies_cancelled => "spoa_notifies_cancelled_total",
            bytes_in => "spoa_received_bytes_total",
            bytes_out => "spoa_sent_bytes_total",
            fragments => "spoa_fragments_total",
            frames_truncated => "spoa_frames_truncated_total",
            notifies_aborted => "spoa_notifies_aborted_total",
            notifies_too_large => "spoa_notifies_too_large_total",
            messages_without_route => r#"spoa_messages_total{outcome="no_route"}"#,
            messages_unread => r#"spoa_messages_total{outcome="unread"}"#,
            actions_dropped => "spoa_actions_dropped_total",
            messages.answered => r#"spoa_messages_total{outcome="answered"}"#,
            messages.bad_arguments => r#"spoa_messages_total{outcome="bad_arguments"}"#,
            messages.failed => r#"spoa_messages_total{outcome="failed"}"#,
            messages.panicked => r#"spoa_messages_total{outcome="panicked"}"#,
            messages.deadline_exceeded => r#"spoa_messages_total{outcome="deadline_exceeded"}"#,
            messages.agent_overloaded => r#"spoa_messages_total{outcome="agent_overloaded"}"#,
            messages.route_full => r#"spoa_messages_total{outcome="route_full"}"#,
            messages.circuit_open => r#"spoa_messages_total{outcome="circuit_open"}"#,
            messages.too_large => r#"spoa_messages_total{outcome="too_large"}"#,
            messages.too_many_messages => r#"spoa_messages_total{outcome="too_many_messages"}"#,
            messages.actor_stopped => r#"spoa_messages_total{outcome="actor_stopped"}"#,
        };
        // What an agent alone can fill is in the next tests.
        let filled = [
            "workers_unresponsive",
            "disconnects_sent",
            "disconnects_received",
            "engines",
            "frames_received",
            "frames_sent",
            "hello_refusals",
            "latency",
            "listeners",
            "reloads",
            "routes",
            "tls_handshakes_refused",
            "violations",
        ];
        // What a peer may name as it likes is no label.
        let named = ["unrouted"];
        // These are the sums of others.
        let sums = [
            "handler_starts_failed",
            "handlers_down",
            "handler_restarts",
            "hellos_refused",
            "background_panics",
            "unknown_frames",
        ];
        let others = filled.into_iter().chain(sums).chain(named).map(str::to_owned);
        let tried: BTreeSet<_> = tried.into_iter().chain(others).collect();
        let forgotten: Vec<_> = fields().difference(&tried).cloned().collect();
        assert!(forgotten.is_empty(), "not exported: {forgotten:?}");
    }

    /// What an agent has counted that was asked, left, refused, and offended.
    async fn used() -> (Statistics, String) {
        let agent = Agent::bind("127.0.0.1:0").unwrap();
        let score = Route::new(|(): ()| Ok::<_, BoxError>(Actions::new()));
        let registry = Registry::new().on("check-client-ip", score);
        let agent = agent.start(registry).await.unwrap();
        let address = agent.local_addresses()[0];
        let connect = async || FakeHaproxy::new(TcpStream::connect(address).await.unwrap());

        let mut good = connect().await;
        good.hello(testing::hello()).await.unwrap();
        let known = Message::new("check-client-ip");
        let known = [known.clone(), known.arg("ip", Ipv4Addr::LOCALHOST)];
        good.notify(Messages::from_iter(known)).await.unwrap();
        good.notify(Message::new("nobody-knows")).await.unwrap();
        good.disconnect().await.unwrap();

        let mut refused = connect().await;
        refused.hello(HaproxyHello { max_frame_size: 1, ..testing::hello() }).await.unwrap_err();

        let mut bad = connect().await;
        bad.hello(testing::hello()).await.unwrap();
        bad.send_bytes(&[0, 0, 0, 1, 3]).await.unwrap();
        bad.receive().await.unwrap();
        (agent.statistics().await, address.to_string())
    }

    #[test]
    fn an_agent_that_was_used_shows_what_it_did() {
        let (statistics, address) = System::new().block_on(used());
        let text = text_of(&statistics);
        for (sample, least) in [
            ("spoa_notifies_total", 2),
            ("spoa_notify_duration_seconds_count", 2),
            (r#"spoa_notify_duration_seconds_bucket{le="16.777216"}"#, 2),
            ("# TYPE spoa_notify_duration_seconds", 0),
            ("# TYPE process_resident_memory_bytes", 0),
            ("process_resident_memory_bytes", 1 << 20),
            (&format!("spoa_listener_connections_accepted_total{{listener=\"{address}\"}}"), 3),
            ("spoa_engine_connections_accepted_total{engine_id=", 1),
            ("spoa_hellos_refused_total{reason=", 1),
            ("spoa_violations_total{reason=", 1),
            (r#"spoa_frames_total{direction="received",frame_type="notify"}"#, 2),
            (r#"spoa_frame_bytes_total{direction="sent",frame_type="ack"}"#, 14),
            (r#"spoa_disconnects_total{direction="received",status_code="normal"}"#, 1),
            (r#"spoa_disconnects_total{direction="sent",status_code="invalid"}"#, 1),
            (r#"spoa_messages_total{outcome="answered"}"#, 1),
            (r#"spoa_messages_total{outcome="no_route"}"#, 1),
            (HANDLER_OK, 1),
            (r#"spoa_route_concurrency_limit{route="check-client-ip"}"#, 1),
            (r#"spoa_route_instances{route="check-client-ip",state="up"}"#, 1),
            (r#"spoa_route_deadline_seconds{route="check-client-ip"}"#, 1),
        ] {
            let mut found = text.lines().filter(|line| line.starts_with(sample));
            let line = found.next().unwrap_or_else(|| panic!("{sample} not in {text}"));
            let number = line.rsplit(' ').next().and_then(|number| number.parse::<f64>().ok());
            assert!(number.is_none_or(|number| number >= f64::from(least)), "{line}");
        }
        let unknown = text.lines().filter(|line| line.contains("nobody-knows")).count();
        assert_eq!(unknown, 0, "what a peer says is no label: {text}");
    }

    #[test]
    fn the_bounds_of_durations_are_short() {
        let statistics = Statistics::default();
        let text = text_of(&statistics);
        let bounds = text.lines().filter_map(|line| line.split_once("le=\"")?.1.split_once('"'));
        let bounds: Vec<_> = bounds.map(|(bound, _)| bound.to_owned()).collect();
        assert_eq!(bounds.len(), 25, "{text}");
        assert_eq!((&*bounds[0], &*bounds[9], &*bounds[24]), ("0.000002", "0.001024", "+Inf"));
    }
}
