//! Telemetry and its collector: nothing is lost on the way, and one that is not there is in nobody's
//! way.

use spoa_integration::{App, Load, Rotel, Span, SpoaAgentOptions, Version, free_port};

use crate::collector::{self, Traced, Way, count, received};
use crate::scene::{self, SOON, error, shown};

async fn nothing_is_lost_at_the_end(way: Way) {
    const REQUESTS: usize = 1000;
    let mut traced = Traced::start(way, "").await;
    let app = App::start().await.unwrap();
    let engine = collector::engine(&traced.agent, "check-client-ip");
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let load = Load::counting(8, REQUESTS as u64);
    let tally = load.run(haproxy.http()).await.unwrap();
    assert_eq!(tally.of("200"), REQUESTS as u64, "{tally:?}");
    traced.stop().await;
    let is_all =
        |spans: &[Span]| ["notify", "handle"].iter().all(|name| count(spans, name) >= REQUESTS);
    let spans = received(&traced.rotel, is_all).await;
    let found = ["notify", "handle"].map(|name| count(&spans, name));
    assert_eq!(found, [REQUESTS; 2], "{way:?}");
    assert!(count(&spans, "connection") > 0);
}

#[tokio::test]
async fn no_span_of_a_thousand_requests_is_lost_at_the_end_over_grpc() {
    nothing_is_lost_at_the_end(Way::Grpc).await;
}

#[tokio::test]
async fn no_span_of_a_thousand_requests_is_lost_at_the_end_over_http() {
    nothing_is_lost_at_the_end(Way::Http).await;
}

#[tokio::test]
async fn a_hundredth_of_a_hundred_thousand_notifies_is_about_a_thousand() {
    let _turn = scene::turn().await;
    let mut traced = Traced::start(Way::Grpc, "--trace-ratio 0.01").await;
    let load = "--frames 100000 --connections 4 --window 20 check-client-ip ip=192.0.2.1";
    traced.agent.load(load).await.unwrap();
    traced.stop().await;
    let is_all = |spans: &[Span]| count(spans, "connection") == 4;
    let spans = received(&traced.rotel, is_all).await;
    let notifies = count(&spans, "notify");
    println!("{notifies} of 100000");
    // Nine standard deviations to either side.
    assert!((700..=1300).contains(&notifies), "{notifies}");
    assert_eq!(count(&spans, "handle"), notifies);
}

/// What a collector that takes nothing does to the agent in front of it.
async fn drops_and_goes_on(url: &str) {
    const REQUESTS: u64 = 500;
    const ROOM: u64 = 64;
    let mut agent = SpoaAgentOptions::default()
        .options("--worker-threads 1 --otlp-protocol grpc --log-format json --otlp")
        .options(url)
        .variable("OTEL_BSP_MAX_QUEUE_SIZE", &ROOM.to_string())
        .variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32")
        .variable("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")
        .start()
        .await
        .unwrap();
    let app = App::start().await.unwrap();
    let engine = collector::engine(&agent, "check-client-ip");
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let outcome = |answer: &spoa_integration::Answer| {
        format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
    };
    let tally = Load::counting(8, REQUESTS).run_by(haproxy.http(), outcome).await.unwrap();
    assert_eq!(tally.of("200 20 "), REQUESTS, "{tally:?}");
    let wait = spoa_integration::until("drops are counted", SOON, async || {
        let dropped = agent.sample("spoa_spans_total{outcome=\"dropped\"}").await.ok()?;
        (dropped > REQUESTS as f64).then_some(())
    });
    wait.await.unwrap();
    drop(haproxy);
    agent.terminate().unwrap();
    assert!(agent.ended(SOON).await.unwrap().success());
    let log = agent.log();
    // Once a second, and at the end for what came after the last of them.
    let is_of_drops =
        |line: &&str| ["span queue full", "spans lost"].iter().any(|part| line.contains(part));
    let lines = log.lines().filter(is_of_drops).count();
    let seconds = usize::try_from(tally.elapsed.as_secs()).unwrap();
    assert!((1..=seconds + 12).contains(&lines), "{lines} lines: {log}");
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_in_nobodys_way() {
    drops_and_goes_on(&format!("http://127.0.0.1:{}", free_port())).await;
}

#[tokio::test]
async fn a_collector_that_hangs_is_in_nobodys_way() {
    let rotel = Rotel::start().await.unwrap();
    rotel.hang().unwrap();
    drops_and_goes_on(&rotel.grpc()).await;
}
