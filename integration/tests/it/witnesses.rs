//! The harness itself: what tells whether telemetry is right works without the agent.

use std::time::Duration;

use reqwest::Method;
use spoa_integration::{App, Browser, HttpClient, Prometheus, Rotel, View};

use crate::scene::SOON;

/// A span as OTLP has it in JSON.
const SPAN: &str = r#"{"resourceSpans": [{"resource": {"attributes": [
    {"key": "service.name", "value": {"stringValue": "test"}}]}, "scopeSpans": [{"spans": [{
    "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
    "parentSpanId": "eee19b7ec3c1b173", "name": "notify", "kind": 2, "startTimeUnixNano": "1",
    "endTimeUnixNano": "2", "attributes": [{"key": "stream_id", "value": {"intValue": "7"}}]}]}]}]}"#;

#[tokio::test]
async fn what_a_receiver_gets_is_seen() {
    let rotel = Rotel::start().await.unwrap();
    let http = HttpClient::new(rotel.http().trim_start_matches("http://").parse().unwrap());
    let json = |request: reqwest::RequestBuilder| {
        request.header("content-type", "application/json").body(SPAN)
    };
    let answer = http.unwrap().send(Method::POST, "/v1/traces", json).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let spans = rotel.spans(SOON, |spans| spans.len() == 1).await.unwrap();
    assert_eq!(spans[0].parent_id, "eee19b7ec3c1b173");
    assert_eq!(spans[0].attribute("stream_id"), "7");
    assert_eq!(spans[0].resource["service.name"], "test");
}

#[tokio::test]
async fn what_cannot_be_scraped_is_down() {
    let app = App::start().await.unwrap(); // which shows no metrics
    let prometheus = Prometheus::scraping(app.address()).await.unwrap();
    prometheus.wait("up", SOON, |up| up == 0.0).await.unwrap();
    assert!(app.requests() > 0);
    assert!(prometheus.value("no such expression").await.is_err());
}

#[tokio::test]
async fn what_a_page_shows_and_asks_for_and_complains_about_is_seen() {
    let app = App::start().await.unwrap();
    let url = format!("http://{}", app.address());
    let browser = Browser::start().await.unwrap();
    for (width, is_dark) in [(390, true), (1280, false)] {
        browser.look(View { width, height: 800, is_dark, is_mobile: false }).await.unwrap();
        browser.open(&format!("{url}/status/404")).await.unwrap();
        let seen = browser
            .script("return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]");
        assert_eq!(seen.await.unwrap(), serde_json::json!([width, is_dark]));
    }
    let text =
        browser.wait("return document.body.innerText", SOON, |text| text != "").await.unwrap();
    assert!(text.as_str().unwrap().starts_with("GET /status/404 HTTP/1.1"), "{text}");
    let page = format!("{url}/status/404");
    assert!(browser.requests(&page).await.unwrap().contains(&page));
    let complaints = browser.complaints().await.unwrap();
    assert!(complaints.iter().any(|complaint| complaint.contains("404")), "{complaints:?}");
    let picture = browser.screenshot("harness").await.unwrap();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    let limit = Duration::from_millis(50);
    assert!(browser.wait("return 1", limit, |value| value == 2).await.is_err());
}
