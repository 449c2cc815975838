//! Metrics, as Prometheus takes them.

use spoa_integration::{Prometheus, Rotel, SpoaAgentOptions, free_port, promtool_findings, until};

use crate::scene::SOON;
use crate::trouble;

#[tokio::test]
async fn prometheus_scrapes_the_agent_and_sees_what_it_is_asked() {
    let agent = SpoaAgentOptions::default().options("--worker-threads 2").start().await.unwrap();
    let prometheus = Prometheus::scraping(agent.admin()).await.unwrap();
    prometheus.wait("up", SOON, |up| up == 1.0).await.unwrap();
    for asked in [500.0, 1000.0] {
        agent.load("--frames 500 --connections 4 check-client-ip ip=192.0.2.1").await.unwrap();
        for counter in [
            "sum(spoa_notifies_total)",
            "sum(spoa_acks_total)",
            "sum(spoa_messages_total{outcome='answered'})",
            "sum(spoa_notify_duration_seconds_count)",
            "sum(spoa_handler_duration_seconds_count{route='check-client-ip',outcome='answered'})",
            "sum(spoa_frames_total{direction='received',frame_type='notify'})",
        ] {
            prometheus.wait(counter, SOON, |value| value == asked).await.unwrap();
        }
    }
    let p99 = "histogram_quantile(0.99, sum by (le) (spoa_notify_duration_seconds_bucket))";
    prometheus.wait(p99, SOON, |seconds| seconds > 0.0 && seconds < 10.0).await.unwrap();
    let memory = "process_resident_memory_bytes{job='spoa'}";
    prometheus.wait(memory, SOON, |bytes| bytes > 1e6 && bytes < 1e9).await.unwrap();
    let at_rest = "spoa_connections + spoa_notifies_in_flight";
    prometheus.wait(at_rest, SOON, |value| value == 0.0).await.unwrap();
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_in_whatever_state() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let agent = SpoaAgentOptions::default()
        .options("--worker-threads 1 --otlp-protocol grpc --otlp")
        .options(&nobody)
        .variable("OTEL_BSP_SCHEDULE_DELAY", "100")
        .start()
        .await
        .unwrap();
    let fresh = agent.metrics().await.unwrap();
    assert_eq!(promtool_findings(&fresh).await.unwrap(), Vec::<String>::new(), "{fresh}");
    trouble::all(&agent).await;
    // What was not delivered is counted too.
    let failed = async || agent.sample("spoa_spans_total{outcome=\"failed\"}").await.ok();
    let failed = until("an export fails", SOON, async || failed().await.filter(|n| *n > 0.0));
    failed.await.unwrap();

    let metrics = agent.metrics().await.unwrap();
    assert_eq!(promtool_findings(&metrics).await.unwrap(), Vec::<String>::new(), "{metrics}");
    for (family, label) in [
        ("spoa_violations_total", "reason="),
        ("spoa_hellos_refused_total", "reason="),
        ("spoa_protocol_mismatches_total", "protocol=\"http\""),
        ("spoa_messages_total", "outcome=\"no_route\""),
        ("spoa_messages_total", "outcome=\"bad_arguments\""),
        ("spoa_disconnects_total", "direction=\"sent\""),
        ("spoa_notifies_aborted_total", ""),
        ("spoa_frames_truncated_total", ""),
        ("spoa_fragments_total", ""),
        ("spoa_handler_duration_seconds_count", "outcome=\"bad_arguments\""),
    ] {
        let samples = metrics.lines().filter(|line| {
            let name = line.split(['{', ' ']).next();
            name == Some(family) && line.contains(label) && !line.ends_with(" 0")
        });
        assert!(samples.count() > 0, "no {family}{{{label}}} above 0 in {metrics}");
    }
    assert!(!metrics.contains("nobody-knows"), "what a peer says is no label: {metrics}");
}

#[tokio::test]
async fn metrics_are_pushed_if_they_shall_be_and_the_last_ones_at_the_end() {
    let rotel = Rotel::start().await.unwrap();
    let mut agent = SpoaAgentOptions::default()
        .options("--worker-threads 1 --otlp-metrics --otlp")
        .options(&rotel.http())
        .start()
        .await
        .unwrap();
    agent.load("--frames 123 check-client-ip ip=192.0.2.1").await.unwrap();
    agent.terminate().unwrap();
    assert!(agent.ended(SOON).await.unwrap().success());
    let pushed = async || {
        let printed = rotel.printed();
        let (_, rest) = printed.split_once("spoa_notifies_total")?;
        let (_, value) = rest.split_once("Value: ")?;
        value.lines().next().map(|value| value.trim().to_owned())
    };
    let value = until("metrics push started", SOON, pushed).await;
    let value = value.unwrap_or_else(|failure| panic!("{failure}\n{}", rotel.printed()));
    assert_eq!(value, "123");
}
