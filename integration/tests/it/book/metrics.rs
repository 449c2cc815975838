//! Metrics: the page has those of the agent, all of them and no others.

use std::collections::BTreeSet;
use std::fs;

use spoa_actors::observe::Outcome;
use spoa_integration::{SpoaAgentOptions, check_rules, test_rules};

use super::page::{self, page, repository};

/// Words of this project that look like a metric and are none.
const OTHERS: &[&str] = &[
    "spoa_",
    "spoa_actors",
    "spoa_agent",
    "spoa_agents",
    "spoa_example",
    "spoa_examples",
    "spoa_server",
];

/// The words of a text that may be metrics.
fn words(text: &str) -> BTreeSet<String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_inner(c));
    let words = words.filter(|word| word.starts_with("spoa_") && !OTHERS.contains(word));
    words.map(str::to_owned).collect()
}

/// The metrics that the page lists.
fn listed() -> BTreeSet<String> {
    let cells = page("docs/metrics.md").first_cells();
    let is_metric = |cell: &String| cell.starts_with("spoa_") || cell.starts_with("process_");
    let listed: Vec<_> = cells.into_iter().filter(is_metric).collect();
    let set: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "a metric is listed twice: {listed:?}");
    set
}

/// Those that the source of the agent names.
fn written() -> BTreeSet<String> {
    let folder = repository().join("agent/src/telemetry");
    let parts = fs::read_dir(folder.join("metrics")).unwrap().map(|entry| entry.unwrap().path());
    let sources: String = parts
        .chain([folder.join("metrics.rs")])
        .map(|path| fs::read_to_string(path).unwrap())
        .map(|source| source.split("#[cfg(test)]").next().unwrap().to_owned())
        .collect();
    let quoted = sources.split('"').filter(|part| words(part).contains(*part));
    quoted.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_lists_every_metric_of_the_agent_and_no_other() {
    let listed = listed();
    let of_the_agent = |name: &&String| name.starts_with("spoa_");
    let own: BTreeSet<_> = listed.iter().filter(of_the_agent).cloned().collect();
    assert_eq!(own, written());

    let agent = SpoaAgentOptions::default().options("--worker-threads 1").start().await.unwrap();
    agent.load("--frames 10 check-client-ip ip=192.0.2.1").await.unwrap();
    let metrics = agent.metrics().await.unwrap();
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: BTreeSet<_> =
        types.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(served.len() > 30, "{served:?}");
    assert_eq!(served.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new());
    // What the agent has not seen yet is not served; what the process shows is there at once.
    let of_the_process = |name: &&String| name.starts_with("process_");
    assert!(listed.iter().filter(of_the_process).eq(served.iter().filter(of_the_process)));
}

#[test]
fn no_page_names_a_metric_that_there_is_not() {
    let listed = listed();
    let is_known = |word: &str| {
        let ends = ["", "_bucket", "_count", "_sum"];
        ends.iter().filter_map(|end| word.strip_suffix(end)).any(|name| listed.contains(name))
    };
    for page in page::all() {
        let unknown: Vec<_> =
            words(&page.text).into_iter().filter(|word| !is_known(word)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", page.name);
    }
}

/// The alerts of the page.
fn alerts() -> String {
    let page = page("docs/metrics.md");
    let blocks = page.blocks();
    blocks.iter().find(|block| block.kind == "yaml").unwrap().lines.join("\n")
}

/// An agent that is asked so often a minute, checked twice a minute.
fn agent_asked(notifies: &str, expected: &str) -> String {
    format!(
        r#"
  - interval: 1m
    input_series:
      - {{ series: 'spoa_notifies_total{{job="spoa-agent", instance="a"}}', values: '{notifies}' }}
      - {{ series: 'spoa_healthchecks_total{{job="spoa-agent", instance="a", outcome="healthy"}}', values: '0+2x90' }}
    alert_rule_test:
      - {{ eval_time: 10m, alertname: SpoaNoNotifies, exp_alerts: [] }}
      - {{ eval_time: 90m, alertname: SpoaNoNotifies, exp_alerts: [{expected}] }}
"#
    )
}

#[tokio::test]
async fn an_agent_that_is_checked_and_never_asked_raises_an_alert_and_a_quiet_night_does_not() {
    let alerts = alerts();
    let (_, rest) = alerts.split_once("SpoaNoNotifies").unwrap();
    let (_, rest) = rest.split_once("annotations: ").unwrap();
    let annotations = rest.lines().next().unwrap();
    let alert = format!(
        "{{ exp_labels: {{ job: spoa-agent, instance: a }}, exp_annotations: {annotations} }}"
    );
    test_rules(&alerts, &agent_asked("0x90", &alert)).await.unwrap();
    test_rules(&alerts, &agent_asked("0+1x5 5x85", "")).await.unwrap();
    test_rules(&alerts, &agent_asked("0x90", "")).await.unwrap_err();
}

#[tokio::test]
async fn prometheus_takes_the_alerts_of_the_page_and_no_wrong_ones() {
    let alerts = alerts();
    check_rules(&alerts).await.unwrap();
    check_rules(&alerts.replace("sum by", "sum buy")).await.unwrap_err();
}

#[test]
fn every_outcome_of_a_message_is_explained() {
    let explained = page("docs/deadlines.md").first_cells();
    for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Answered) {
        assert!(explained.iter().any(|cell| cell == outcome.label()), "{outcome:?}");
    }
}
