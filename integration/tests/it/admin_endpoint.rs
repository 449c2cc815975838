//! The admin endpoint: what probes are told while the agent serves and stops, and the page for people.

use spoa_integration::{
    App, Browser, Config, Load, Scratch, SpoaAgentOptions, Version, View, until,
};

use crate::collector;
use crate::scene::{self, REQUEST, SOON};
use crate::trouble;

#[tokio::test]
async fn an_agent_that_stops_is_alive_and_not_ready_until_its_end() {
    let options = SpoaAgentOptions::default().options("--worker-threads 1 --notice-period 2s");
    let mut agent = options.start().await.unwrap();
    // It gives notice to those who check it.
    let config = Config::new(Version::V3_2).engine(scene::engine(&agent).spop_check());
    let _haproxy = config.start().await.unwrap();
    let checked = async || {
        let checks = agent.sample("spoa_healthchecks_total{outcome=\"healthy\"}").await.ok();
        checks.filter(|checks| *checks > 0.0)
    };
    until("it is checked", SOON, checked).await.unwrap();
    let status = async |path: &str| agent.http().get(path).await.map(|answer| answer.status).ok();
    assert_eq!(status("/readyz").await, Some(200));
    assert_eq!(status("/healthz").await, Some(200));
    agent.terminate().unwrap();
    let draining = async || status("/readyz").await.filter(|status| *status == 503);
    until("it is not ready", SOON, draining).await.unwrap();
    let answer = agent.http().get("/readyz").await.unwrap();
    assert!(answer.text().starts_with("draining"), "{}", answer.text());
    assert_eq!(status("/healthz").await, Some(200));
    // What is asked meanwhile is answered.
    agent.load("--frames 10 check-client-ip ip=192.0.2.1").await.unwrap();
    assert!(agent.ended(SOON).await.unwrap().success());
}

#[tokio::test]
async fn a_wall_clock_before_1970_stops_nothing() {
    let options = SpoaAgentOptions::default().options("--worker-threads 1");
    let agent = options.wall_clock("1969-12-31 12:00:00").await.unwrap().start().await.unwrap();
    for path in ["/", "/healthz", "/readyz", "/metrics", "/status.json"] {
        assert_eq!(agent.http().get(path).await.unwrap().status, 200, "{path}");
    }
    trouble::violation(agent.address()).await;
    let status = agent.http().get("/status.json").await.unwrap();
    assert!(status.text().contains("\"time_unix_seconds\":0.0"), "{}", status.text());
    agent.load("--frames 10 check-client-ip ip=192.0.2.1").await.unwrap();
}

const VIEWS: [(&str, View); 4] = [
    ("wide-light", View { width: 1280, height: 900, is_dark: false, is_mobile: false }),
    ("wide-dark", View { width: 1280, height: 900, is_dark: true, is_mobile: false }),
    ("narrow-light", View { width: 390, height: 844, is_dark: false, is_mobile: true }),
    ("narrow-dark", View { width: 390, height: 844, is_dark: true, is_mobile: true }),
];

/// The text of an element.
fn text(selector: &str) -> String {
    format!("return document.querySelector('{selector}').innerText")
}

#[tokio::test]
async fn the_page_shows_what_happens_now_on_every_screen() {
    let agent = SpoaAgentOptions::default().options("--worker-threads 2").start().await.unwrap();
    let app = App::start().await.unwrap();
    let engine = collector::engine(&agent, "check-client-ip").message(
        "get-ip-reputation",
        "ip=path",
        REQUEST,
    );
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let browser = Browser::start().await.unwrap();
    let page = format!("http://{}/", agent.admin());
    browser.look(VIEWS[0].1).await.unwrap();
    browser.open(&page).await.unwrap();
    browser.script("window.isTheSame = true").await.unwrap();
    let load = Load::lasting(4, 6 * SOON).begin(haproxy.http(), |answer| answer.status.to_string());

    let notifies = text("#notifies");
    let mut last = browser.script(&notifies).await.unwrap();
    for _ in 0..3 {
        last = browser.wait(&notifies, SOON, |value| *value != last).await.unwrap();
    }
    assert_eq!(browser.script("return window.isTheSame").await.unwrap(), true, "it was reloaded");
    let has = |part: &'static str| {
        move |value: &serde_json::Value| value.as_str().is_some_and(|value| value.contains(part))
    };
    browser.wait(&text("#routes tbody"), SOON, has("bad arguments")).await.unwrap();
    browser.wait(&text("#connections tbody"), SOON, has("SPOP 2.0")).await.unwrap();
    let is_hidden = "return document.querySelector('#unrouted').closest('section').hidden";
    assert_eq!(browser.script(is_hidden).await.unwrap(), true);
    agent.load("--frames 3 check-<b>client path=/a").await.unwrap();
    let unrouted = browser.wait(&text("#unrouted tbody"), SOON, has("check-<b>client")).await;
    let unrouted = unrouted.unwrap();
    for part in ["path", "string, 2 B", "3"] {
        assert!(unrouted.as_str().unwrap().contains(part), "{part} is not in {unrouted}");
    }
    trouble::violation(agent.address()).await;
    trouble::refusal(agent.address()).await;
    let advice =
        "return [...document.querySelectorAll('#violations .advice')].map(a => a.innerText)";
    let told = |advice: &serde_json::Value| advice.as_array().is_some_and(|all| all.len() >= 2);
    let advice = browser.wait(advice, SOON, told).await.unwrap();
    assert!(advice[0].as_str().is_some_and(|advice| advice.len() > 10), "{advice}");

    for (name, view) in VIEWS {
        browser.look(view).await.unwrap();
        let last = browser.script(&notifies).await.unwrap();
        browser.wait(&notifies, SOON, |value| *value != last).await.unwrap();
        let widths = "return [document.documentElement.scrollWidth, innerWidth]";
        let widths = browser.script(widths).await.unwrap();
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{name} scrolls sideways: {widths}");
        assert_eq!(widths[1], view.width, "{name}");
        let picture = browser.screenshot(&format!("page-{name}")).await.unwrap();
        println!("{}", picture.display());
    }
    assert_eq!(browser.complaints().await.unwrap(), Vec::<String>::new());
    let requests = browser.requests(&page).await.unwrap();
    assert!(requests.len() > 5, "{requests:?}");
    let elsewhere: Vec<_> = requests.iter().filter(|url| !url.starts_with(&page)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    let tally = load.end().await.unwrap();
    assert_eq!(tally.of("200"), tally.total(), "{tally:?}");
}

#[tokio::test]
async fn the_page_of_an_agent_with_a_token_asks_for_it() {
    let scratch = Scratch::new().unwrap();
    let token = scratch.write("token", "0123456789abcdef").unwrap();
    let options = format!("--worker-threads 1 --admin-token-file {}", token.display());
    let agent = SpoaAgentOptions::default().options(&options).start().await.unwrap();
    assert_eq!(agent.http().get("/status.json").await.unwrap().status, 401);
    let browser = Browser::start().await.unwrap();
    browser.open(&format!("http://{}/", agent.admin())).await.unwrap();
    let is_asked = "return !document.querySelector('#token').hidden";
    browser.wait(is_asked, SOON, |asked| *asked == true).await.unwrap();
    let give = "document.querySelector('#token input').value = '0123456789abcdef'; \
        document.querySelector('#token button').click()";
    browser.script(give).await.unwrap();
    let is_ready = |state: &serde_json::Value| *state == "ready";
    browser.wait(&text("#state-name"), SOON, is_ready).await.unwrap();
    assert_eq!(browser.script(is_asked).await.unwrap(), false);
}
