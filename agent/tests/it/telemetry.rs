//! `--otlp…`, `--trace…`, `--log…`, and the standard variables.

use std::{
    fs,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    certificates::issue,
    collector::{Collector, text as attribute},
    config_file::written,
    scene::{Agent, Folder, spoa_agent, text, to_the_end, until},
};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Spans wait for the end, or for a full batch that does not come.
const LATE: [(&str, &str); 2] =
    [("OTEL_BSP_SCHEDULE_DELAY", "3600000"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048")];

fn ask(agent: &Agent, arguments: &[&str]) -> String {
    let address = agent.address();
    let call = ["call", "--addr", &address, "check-client-ip", "ip=::1"];
    let outcome = spoa_agent(&[&call[..], arguments].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn batches_can_be_compressed() {
    for collector in [Collector::grpc(None), Collector::http(None)] {
        let protocol = collector.protocol;
        let folder = Folder::new();
        let variables = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*format!("{}/v1/traces", collector.url)),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let agent = Agent::with_variables(&[], &variables, &folder.file("log"));
        ask(&agent, &[]);
        assert_eq!(agent.end_by("TERM"), Some(0));
        assert_eq!(collector.received().named("handle").len(), 1, "{protocol}");
        assert!(collector.received().is_compressed, "{protocol}");
    }
}

#[test]
fn only_what_is_sampled_is_traced() {
    let parent = format!("traceparent={TRACEPARENT}");
    let unsampled = format!("traceparent={}", TRACEPARENT.replace("-01", "-00"));
    // Of a NOTIFY without a parent, one with a parent that is not sampled, and one with one that is.
    for (options, traced) in [
        (&[][..], 2),
        (&["--trace-only-with-parent"], 1),
        (&["--trace-ratio", "0"], 1),
        (&["--trace-ratio", "0", "--trace-message", "check-client-ip=1"], 2),
        (&["--trace-message", "check-client-ip=0"], 0),
        (&["--trace-argument", "traceparent=other"], 3),
    ] {
        let folder = Folder::new();
        let collector = Collector::http(None);
        let options = [&["--otlp", &*collector.url], options].concat();
        let agent = Agent::with_variables(&options, &LATE, &folder.file("log"));
        for arguments in [&[][..], &[&*parent], &[&*unsampled]] {
            ask(&agent, arguments);
        }
        assert_eq!(agent.end_by("TERM"), Some(0));
        assert_eq!(collector.received().named("notify").len(), traced, "{options:?}");
    }
}

#[test]
fn the_context_is_handed_back_where_it_is_wanted() {
    let collector = Collector::http(None);
    let parent = format!("traceparent={TRACEPARENT}");
    for (scope, line) in [
        (&[][..], "set-var txn.traceparent = \"00-0af7651916cd43dd8448eb211c80319c-"),
        (&["--trace-hand-back", "req"], "set-var req.traceparent = \"00-0af7651916cd43dd8448eb"),
        (&["--trace-hand-back", "none"], ""),
    ] {
        let folder = Folder::new();
        let options = [&["--otlp", &*collector.url], scope].concat();
        let agent = Agent::with_variables(&options, &LATE, &folder.file("log"));
        let answer = ask(&agent, &[&parent]);
        assert!(answer.contains(line), "{answer}");
        assert_eq!(answer.contains("traceparent"), !line.is_empty(), "{answer}");
    }
}

#[track_caller]
fn check_that_what_waits_at_the_end_arrives(collector: &Collector, options: &[&str]) {
    let folder = Folder::new();
    let log = folder.file("log");
    let args = [&["--otlp", &collector.url, "--otlp-header", "X-Token=secret"][..], options];
    let agent = Agent::with_variables(&args.concat(), &LATE, &log);
    let argument = format!("traceparent={TRACEPARENT}");
    for _ in 0..20 {
        assert!(ask(&agent, &[&argument]).starts_with("set-var sess.ip_score = 20"));
    }
    assert_eq!(collector.received().spans.len(), 0);
    assert_eq!(agent.end_by("TERM"), Some(0));

    let received = collector.received();
    let (notifies, handles) = (received.named("notify"), received.named("handle"));
    assert_eq!((notifies.len(), handles.len()), (20, 20), "{:?}", fs::read_to_string(&log));
    for (notify, handle) in notifies.iter().zip(handles) {
        assert_eq!(hexadecimal(&notify.trace_id), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(hexadecimal(&notify.parent_span_id), "b7ad6b7169203331");
        assert_eq!(handle.trace_id, notify.trace_id);
    }
    assert_eq!(received.resource("service.name"), "spoa-agent");
    assert_eq!(received.resource("service.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(received.resource("service.instance.id").len(), 36);
    assert!(received.tokens.iter().all(|token| token == "secret"), "{:?}", received.tokens);
}

#[test]
fn no_span_is_lost_at_the_end_by_grpc() {
    let options = ["--otlp-protocol", "grpc"];
    check_that_what_waits_at_the_end_arrives(&Collector::grpc(None), &options);
}

#[test]
fn no_span_is_lost_at_the_end_by_http() {
    check_that_what_waits_at_the_end_arrives(&Collector::http(None), &[]);
}

#[test]
fn tls_is_spoken_by_grpc_and_http() {
    let folder = Folder::new();
    let [ca, cert, key] = issue(&folder, "127.0.0.1");
    let files = Some((&*cert, &*key));
    let grpc = ["--otlp-ca", &ca, "--otlp-protocol", "grpc"];
    check_that_what_waits_at_the_end_arrives(&Collector::grpc(files), &grpc);
    check_that_what_waits_at_the_end_arrives(&Collector::http(files), &["--otlp-ca", &ca]);
}

#[test]
fn a_system_without_certificates_of_cas_is_good_enough_without_tls() {
    let folder = Folder::new();
    let nowhere = folder.file("nowhere");
    let variables = [("SSL_CERT_FILE", text(&nowhere)), ("SSL_CERT_DIR", text(&nowhere))];
    for collector in [Collector::grpc(None), Collector::http(None)] {
        let options = ["--otlp", &collector.url, "--otlp-protocol", collector.protocol];
        let agent = Agent::with_variables(&options, &variables, &folder.file("log"));
        ask(&agent, &[]);
        assert_eq!(agent.end_by("TERM"), Some(0));
        assert_eq!(collector.received().named("handle").len(), 1);
    }
}

#[test]
fn a_second_signal_sends_what_waits_too() {
    let folder = Folder::new();
    let collector = Collector::grpc(None);
    let options = ["--otlp", &collector.url, "--otlp-protocol", "grpc", "--notice-period", "60m"];
    let agent = Agent::with_variables(&options, &LATE, &folder.file("log"));
    ask(&agent, &[]);
    let check = || spoa_agent(&["healthcheck", "--addr", &agent.address()]);
    assert_eq!(check().code, Some(0));
    agent.signal("TERM");
    until(|| check().stderr.contains("the agent stops"));
    assert_eq!(agent.end_at_once_by("INT"), Some(0));
    assert_eq!(collector.received().named("notify").len(), 1);
}

#[test]
fn a_collector_that_is_not_there_costs_nothing_but_its_spans() {
    let folder = Folder::new();
    let log = folder.file("log");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = ["--otlp", &format!("http://{nobody}")];
    let agent = Agent::with_variables(&options, &LATE, &log);
    assert!(ask(&agent, &[]).starts_with("set-var sess.ip_score = 20"));
    let asked = Instant::now();
    assert_eq!(agent.end_by("TERM"), Some(0));
    // All five tries would take 3.75 s.
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("spans lost since the start"), "{log}");
    let failures = log.lines().filter(|line| line.contains("span export failed"));
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), 1, "{log}");
    assert!(failures[0].contains("refused") && failures[0].contains("--otlp"), "{log}");
    assert!(!log.contains("\"target\":\"opentelemetry"), "{log}");
}

#[test]
fn metrics_are_pushed_at_an_interval_and_at_the_end() {
    for collector in [Collector::grpc(None), Collector::http(None)] {
        let protocol = collector.protocol;
        let folder = Folder::new();
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_SERVICE_NAME", "edge"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%20test"),
        ];
        let log = folder.file("log");
        let agent = Agent::with_variables(&["--otlp-metrics"], &variables, &log);
        until(|| collector.received().metrics.len() > 1);
        ask(&agent, &[]);
        assert_eq!(agent.end_by("TERM"), Some(0));

        let received = collector.received();
        assert_eq!(received.resource("service.name"), "edge");
        assert_eq!(received.resource("deployment.environment.name"), "a test");
        assert!(received.spans.is_empty());
        let last = received.metrics.last().unwrap();
        check_last_metrics(|name| last.iter().find(|metric| metric.name == name).expect(name));
    }
}

fn check_last_metrics<'a>(
    find: impl Fn(&str) -> &'a opentelemetry_proto::tonic::metrics::v1::Metric,
) {
    use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};

    let Some(Data::Sum(notifies)) = &find("spoa_notifies_total").data else { panic!("no sum") };
    assert!(notifies.is_monotonic && notifies.aggregation_temporality == 2);
    let point = &notifies.data_points[0];
    assert_eq!(point.value, Some(Value::AsDouble(1.0)));
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano < point.time_unix_nano);

    let durations = find("spoa_handler_duration_seconds");
    assert_eq!(durations.unit, "s");
    let Some(Data::Histogram(durations)) = &durations.data else { panic!("no histogram") };
    let point =
        durations.data_points.iter().find(|point| point.count > 0).expect("a message was answered");
    assert_eq!(attribute(&point.attributes, "route"), "check-client-ip");
    assert_eq!(attribute(&point.attributes, "outcome"), "answered");
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), 1);

    let Some(Data::Gauge(_)) = &find("spoa_buffered_bytes").data else { panic!("no gauge") };
    assert_eq!(find("spoa_buffered_bytes").unit, "By");
}

#[test]
fn log_lines_are_objects_unless_they_are_wanted_otherwise() {
    let folder = Folder::new();
    let log = folder.file("log");
    for (options, is_json) in [(&[][..], true), (&["--log-format", "human"], false)] {
        let agent = Agent::with_variables(options, &[("RUST_LOG", "off")], &log);
        assert_eq!(agent.end_by("TERM"), Some(0));
        assert_eq!(fs::read_to_string(&log).unwrap(), "");

        let options = [options, &["--log", "info"]].concat();
        let agent = Agent::with_variables(&options, &[("RUST_LOG", "off")], &log);
        assert_eq!(agent.end_by("TERM"), Some(0));
        let lines = fs::read_to_string(&log).unwrap();
        assert!(lines.contains("agent stopped"), "{lines}");
        for line in lines.lines() {
            let object: Result<serde_json::Value, _> = serde_json::from_str(line);
            assert_eq!(object.is_ok_and(|object| object["message"].is_string()), is_json, "{line}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_named_with_its_fix() {
    let with = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
        command.args(["--listen", "127.0.0.1:0"]).args(args).envs(variables.iter().copied());
        to_the_end(command)
    };
    for (name, value, fix) in [
        ("OTEL_SDK_DISABLED", "perhaps", "write true or false"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "http://localhost:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5s", "milliseconds"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_traceidratio"),
        ("OTEL_TRACES_EXPORTER", "console", "write otlp, none or prometheus"),
        ("OTEL_PROPAGATORS", "xrays", "tracecontext,baggage,b3"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "from 1 to 65536"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000000000", "from 1 to 65536"),
        ("OTEL_BSP_SCHEDULE_DELAY", "18446744073709551615", "from 1 to 86400000"),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/missing",
            "No such file or directory (os error 2); check",
        ),
    ] {
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), (name, value)];
        let outcome = with(&variables, &[]);
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(2), 1), "{outcome:?}");
        for part in ["error: ", &format!("{name}={value}"), fix] {
            assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
        }
    }
    let outcome = with(&[], &["--otlp-metrics"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("--otlp URL"), "{outcome:?}");
    for args in [["--trace-ratio", "2"], ["--trace-argument", "x=y"], ["--otlp-protocol", "udp"]] {
        let outcome = with(&[], &args);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(args[0]), "{outcome:?}");
    }
}

#[test]
fn each_handler_of_a_file_has_a_span_below_that_of_its_message() {
    let (_folder, path) = written(
        r#"
        [trace]
        only_with_parent = true
        [handler.known]
        kind = "set"
        values = { seen = true }
        [handler.rules]
        kind = "rules"
        rules = [{ if = "path == '/admin'", then = "deny", reason = "admin" }]
        [message.m]
        run = ["known", "rules"]
        unanswered = "allow"
        "#,
    );
    let folder = Folder::new();
    let collector = Collector::http(None);
    let options = ["--otlp", &*collector.url, "--config", &path];
    let agent = Agent::with_variables(&options, &LATE, &folder.file("log"));
    let parent = format!("traceparent={TRACEPARENT}");
    for parent in [&*parent, "other=1"] {
        let call = ["call", "--addr", &agent.address(), "m", "path=/admin", parent];
        let asked = spoa_agent(&call);
        assert!(asked.stdout.contains("txn.action = \"deny\""), "{asked:?}");
    }
    assert_eq!(agent.end_by("TERM"), Some(0));
    let received = collector.received();
    let handle = received.named("handle");
    assert_eq!(handle.len(), 1);
    for (name, reason) in [("known", ""), ("rules", "admin")] {
        let steps = received.named(name);
        assert_eq!(steps.len(), 1, "{name}");
        assert_eq!(steps[0].parent_span_id, handle[0].span_id, "{name}");
        assert_eq!(attribute(&steps[0].attributes, "reason"), reason, "{name}");
    }
}
