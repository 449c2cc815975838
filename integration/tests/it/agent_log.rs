//! What the agent logs: lines for machines, few of them, and as many as wanted at run time.

use serde_json::Value;
use spoa_integration::{Config, SpoaAgent, SpoaAgentOptions, Version, until};

use tokio::task::JoinSet;

use crate::scene::{self, SOON};
use crate::trouble;

async fn agent() -> SpoaAgent {
    SpoaAgentOptions::default().options("--worker-threads 1").start().await.unwrap()
}

/// The lines, each of which is an object of JSON with its time, level and target.
fn lines(agent: &SpoaAgent) -> Vec<Value> {
    let log = agent.log();
    let line = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(value[field].is_string(), "no {field}: {line}");
        }
        value
    };
    log.lines().map(line).collect()
}

fn says(line: &Value, part: &str) -> bool {
    line["message"].as_str().unwrap_or_default().contains(part)
}

#[tokio::test]
async fn a_violation_is_one_line_of_json_with_its_cause_and_what_to_do() {
    let agent = agent().await;
    trouble::violation(agent.address()).await;
    let found = until("the violation is logged", SOON, async || {
        lines(&agent).into_iter().find(|line| says(line, "protocol violation"))
    });
    let line = found.await.unwrap();
    assert_eq!(line["level"], "WARN");
    assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    let (cause, advice) = line["message"].as_str().unwrap().split_once("; ").unwrap();
    assert!(cause.len() > 30 && advice.len() > 10, "{line}");
    trouble::all(&agent).await;
    assert!(lines(&agent).len() > 3, "{}", agent.log());
}

#[tokio::test]
async fn a_thousand_violations_are_a_few_lines() {
    let agent = agent().await;
    let begun = std::time::Instant::now();
    // Each is told why only a moment later, so that they come side by side.
    for _ in 0..20 {
        let refusals: JoinSet<()> = (0..50).map(|_| trouble::refusal(agent.address())).collect();
        refusals.join_all().await;
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    let count = lines(&agent).iter().filter(|line| says(line, "protocol violation")).count();
    // One a second, the first and the last included.
    assert!((1..=seconds + 2).contains(&count), "{count} in {seconds} s: {}", agent.log());
    assert_eq!(agent.sample("spoa_notifies_total").await.unwrap(), 0.0);
    let refused = agent.metrics().await.unwrap();
    let refused = refused.lines().filter(|line| line.starts_with("spoa_hellos_refused_total{"));
    let numbers = refused.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    assert_eq!(numbers.sum::<f64>(), 1000.0);
}

#[tokio::test]
async fn health_checks_log_nothing_and_the_filter_is_changed_at_run_time() {
    const CHECKS: f64 = 100.0;
    let agent = agent().await;
    let before = agent.log();
    let engine = scene::engine(&agent)
        .backend_line("option spop-check")
        .backend_line("timeout check 10s")
        .server_options("check inter 10ms fall 1 rise 1");
    let _haproxy = Config::new(Version::V3_2).engine(engine).start().await.unwrap();
    let checked = |wanted: f64| {
        let agent = &agent;
        let checks = "spoa_healthchecks_total{outcome=\"healthy\"}";
        until("HAProxy checks the agent", SOON, async move || {
            agent.sample(checks).await.ok().filter(|checks| *checks >= wanted)
        })
    };
    let seen = checked(CHECKS).await.unwrap();
    assert_eq!(agent.log(), before);

    let set = |filter: &'static str| {
        agent.http().send(reqwest::Method::PUT, "/log-filter", move |put| put.body(filter))
    };
    assert_eq!(set("debug").await.unwrap().status, 200);
    assert!(agent.http().get("/log-filter").await.unwrap().text().contains("debug"));
    checked(seen + 20.0).await.unwrap();
    let debugged = lines(&agent).iter().filter(|line| line["level"] == "DEBUG").count();
    assert!(debugged > 0, "{}", agent.log());
    assert_eq!(set("a=b=c").await.unwrap().status, 400);
    assert_eq!(set("warn").await.unwrap().status, 200);
    let seen = checked(seen + 22.0).await.unwrap();
    let quiet = agent.log();
    checked(seen + 20.0).await.unwrap();
    assert_eq!(agent.log(), quiet);
}
