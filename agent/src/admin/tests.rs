//! The endpoint over HTTP, with a real agent behind it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZero,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use actix_rt::{task::spawn_blocking, time::sleep};
use serde_json::{Value, json};
use spoa_actors::{
    Actions, Agent, Limits, Message, Registry, Route, RunningAgent, handler_fn,
    testing::FakeHaproxy,
};

use super::{Admin, View};
use crate::telemetry::{
    logs::{LogFormat, LogLayer, Logs},
    span_counts::SpanCounters,
};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);
const PATHS: [&str; 6] = ["/", "/healthz", "/readyz", "/metrics", "/status.json", "/log-filter"];

/// An endpoint that serves, and what it looks at.
struct Scene {
    address: SocketAddr,
    view: View,
    /// While it is there, the filter can be changed.
    _layer: LogLayer,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Scene {
    fn new() -> Self {
        let (logs, layer) = Logs::new("", LogFormat::Json).unwrap();
        let view = View::new(Limits::default(), logs, Arc::new(SpanCounters::new(0)));
        let admin = Admin::bind("127.0.0.1:0").unwrap();
        let address = admin.address();
        admin.serve(view.clone()).unwrap();
        Self { address, view, _layer: layer }
    }

    async fn with_agent(registry: Registry) -> (Self, RunningAgent) {
        let scene = Self::new();
        let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::<usize>::MIN);
        let agent = agent.start(registry).await.unwrap();
        scene.view.started(agent.observer());
        (scene, agent)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let end = "Connection: close\r\n\r\n";
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n");
        say(self.address, format!("{head}{end}{body}")).await
    }

    async fn json(&self) -> Value {
        serde_json::from_str(&self.get("/status.json").await.body).unwrap()
    }

    /// Asks until it is answered so.
    async fn until(&self, path: &str, is_so: impl Fn(&Answer) -> bool) -> Answer {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if is_so(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "{path} says {answer:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Sends these bytes, and reads until the other side closes.
async fn say(address: SocketAddr, request: String) -> Answer {
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = spawn_blocking(exchange).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn answer_nothing(_: Message) -> Result<Actions, spoa_actors::ActionError> {
    Ok(Actions::none())
}

fn message(name: &'static str) -> Message {
    Message::new(name).arg("ip", std::net::Ipv4Addr::LOCALHOST).arg("ua", "curl")
}

async fn haproxy(agent: &RunningAgent) -> FakeHaproxy<actix_rt::net::TcpStream> {
    let stream = actix_rt::net::TcpStream::connect(agent.local_addresses()[0]).await.unwrap();
    FakeHaproxy::connect(stream).await.unwrap()
}

#[actix_rt::test]
async fn every_path_answers_get_and_head() {
    let scene = Scene::new();
    for path in PATHS.into_iter().chain(["/page.css", "/page.js", "/icon.svg"]) {
        let status = if path == "/readyz" { 503 } else { 200 };
        let got = scene.get(path).await;
        assert_eq!(got.status, status, "{path}: {got:?}");
        assert!(!got.body.is_empty(), "{path}");
        let head = scene.ask("HEAD", path, "").await;
        assert_eq!((head.status, &*head.body), (status, ""), "{path}");
        let length = format!("content-length: {}", got.body.len());
        // What it does not know yet is that of the moment.
        if path != "/metrics" {
            assert!(head.head.contains(&length), "{path}: {head:?}");
        }
    }
}

#[actix_rt::test]
async fn what_is_not_there_is_told_with_what_is() {
    let scene = Scene::new();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("PUT", "/page", 404),
        ("POST", "/healthz", 405),
        ("PUT", "/status.json", 405),
        ("DELETE", "/log-filter", 405),
        ("OPTIONS", "/", 405),
    ] {
        let answer = scene.ask(method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.body.lines().count(), 1);
        for path in PATHS {
            assert!(answer.body.contains(path), "{path} not in {answer:?}");
        }
        assert_eq!(answer.head.contains("\nallow: get, head"), status == 405, "{answer:?}");
    }
}

#[actix_rt::test]
async fn a_browser_may_not_keep_it_guess_its_type_or_let_others_read_it() {
    let scene = Scene::new();
    for path in PATHS.into_iter().chain(["/page.js", "/nothing"]) {
        let answer = scene.get(path).await;
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(answer.head.contains(header), "{header} not in {path}: {answer:?}");
        }
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/status.json", "application/json"),
    ] {
        let answer = scene.get(path).await;
        assert!(answer.head.contains(&format!("content-type: {kind}\r\n")), "{path}: {answer:?}");
    }
}

#[test]
fn the_page_makes_no_markup_of_what_a_peer_says() {
    let (html, script) = (include_str!("page.html"), include_str!("page.js"));
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
    {
        assert!(!script.contains(way), "{way}");
    }
    let is_inline = |word: &&str| word.starts_with("on") && word.contains('=');
    assert_eq!(html.split_whitespace().find(is_inline), None);
    for inline in ["style=", "<style", "javascript:", "//"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let script = "<script src=\"page.js\" defer></script>";
    assert_eq!(html.matches("<script").count(), html.matches(script).count());
}

#[actix_rt::test]
async fn it_is_ready_from_the_start_of_the_agent_to_its_end() {
    let scene = Scene::new();
    let before = scene.get("/readyz").await;
    assert_eq!(before.status, 503);
    assert!(before.body.starts_with("starting: "), "{before:?}");
    assert_eq!(scene.json().await["readiness"]["state"], "starting");

    let registry = Registry::new().on("m", handler_fn(answer_nothing));
    let agent = Agent::bind("127.0.0.1:0").unwrap().start(registry).await.unwrap();
    scene.view.started(agent.observer());
    let ready = scene.get("/readyz").await;
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));

    let stopping = actix_rt::spawn(agent.stop());
    let draining = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(draining.body.starts_with("draining: "), "{draining:?}");
    assert_eq!(scene.get("/healthz").await.status, 200);
    stopping.await.unwrap();
    assert!(scene.get("/readyz").await.body.starts_with("draining: "));
    assert_eq!(scene.get("/healthz").await.body, "ok\n");
    assert_eq!(scene.json().await["readiness"]["is_ready"], false);
}

#[actix_rt::test]
async fn a_handler_that_is_down_is_named_by_readyz() {
    let broken = handler_fn(answer_nothing);
    let panics = Route::new(|| Panics).restarts(1, Duration::from_secs(60));
    let (scene, agent) =
        Scene::with_agent(Registry::new().on("sound", broken).on("score", panics)).await;
    let mut haproxy = haproxy(&agent).await;
    for _ in 0..3 {
        haproxy.notify(message("score")).await.unwrap();
    }
    let answer = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(answer.body.starts_with("handler_down: "), "{answer:?}");
    assert!(answer.body.contains("\"score\""), "{answer:?}");
    assert_eq!(scene.get("/healthz").await.status, 200);
}

struct Panics;

#[async_trait::async_trait(?Send)]
impl spoa_actors::HandlerActor for Panics {
    type Args = Message;

    async fn handle(
        &self,
        _: Message,
        _: &spoa_actors::Origin,
    ) -> Result<Actions, spoa_actors::BoxError> {
        panic!("it is broken")
    }
}

#[actix_rt::test]
async fn an_arbiter_that_is_blocked_blocks_nothing_here() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let block = move |_: Message| {
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        Ok::<_, spoa_actors::ActionError>(Actions::none())
    };
    let (scene, agent) = Scene::with_agent(Registry::new().on("m", handler_fn(block))).await;
    let mut haproxy = haproxy(&agent).await;
    haproxy.send_notify(message("m")).await.unwrap();
    let silent = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(silent.body.starts_with("silent: "), "{silent:?}");

    let begun = Instant::now();
    assert_eq!(scene.get("/healthz").await.body, "ok\n");
    assert!(begun.elapsed() < Duration::from_millis(900));
    let status = scene.json().await;
    assert_eq!(status["arbiters"], json!({"total": 1, "silent": 1}));
    assert_eq!(scene.get("/metrics").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10));

    release.send(()).unwrap();
    haproxy.ack().await.unwrap();
    scene.until("/readyz", |answer| answer.status == 200).await;
}

/// The names in it, with the type of each value, and of the first of a list.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(entries) => Value::Object(
            entries.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        ),
    }
}

#[actix_rt::test]
async fn the_names_of_the_json_stay() {
    let registry = Registry::new().on("m", handler_fn(answer_nothing));
    let (scene, agent) = Scene::with_agent(registry).await;
    let mut sound = haproxy(&agent).await;
    sound.notify(message("m")).await.unwrap();
    let mut broken = haproxy(&agent).await;
    broken.send_bytes(&[0, 0, 0, 1, 7]).await.unwrap();
    let seen = |answer: &Answer| answer.body.contains("time_unix_seconds");
    let status = scene.until("/status.json", seen).await;
    let status: Value = serde_json::from_str(&status.body).unwrap();

    let mut got = shape(&status);
    let totals = got["totals"].take();
    assert_eq!(got, expected_shape());
    let totals = totals.as_object().unwrap();
    for name in ["notifies", "acks", "bytes_in", "hellos", "read_timeouts", "handlers_renewed"] {
        assert_eq!(totals[name], "number", "{name}");
    }
    assert_eq!(totals["messages"], outcomes());
    assert_eq!(totals["frames_received"]["notify"], json!({"frames": "number", "bytes": "number"}));

    assert_eq!(
        status["routes"][0]["arguments"][0],
        json!({"name": "ip", "type": "ipv4", "length_bytes": null})
    );
    assert_eq!(
        status["routes"][0]["arguments"][1],
        json!({"name": "ua", "type": "string", "length_bytes": 4})
    );
    assert_eq!(status["routes"][0]["calls"], 1);
    assert_eq!(status["connections"]["shown"][0]["version"], "2.0");
    assert!(!status.to_string().contains("curl"), "no value of an argument is told");
}

fn outcomes() -> Value {
    let names = [
        "ok",
        "bad_arguments",
        "error",
        "panicked",
        "late",
        "overloaded",
        "full",
        "down",
        "oversize",
        "gone",
    ];
    Value::Object(names.into_iter().map(|name| (name.to_owned(), "number".into())).collect())
}

fn expected_shape() -> Value {
    json!({
        "version": "string",
        "uptime_seconds": "number",
        "readiness": {"is_ready": "bool", "state": "string", "text": "string"},
        "arbiters": {"total": "number", "silent": "number"},
        "limits": {
            "connections": "number",
            "in_flight": "number",
            "in_flight_per_connection": "number",
            "memory_bytes": "number",
            "max_frame_size_bytes": "number",
            "max_reassembled_size_bytes": "number",
            "deadline_seconds": "number",
            "read_timeout_seconds": "number",
            "max_connection_age_seconds": "null",
        },
        "in_use": {"connections": "number", "in_flight": "number", "memory_bytes": "number"},
        "listeners": [{"listener": "string", "open": "number", "accepted": "number"}],
        "engines": [{"engine_id": "string", "open": "number", "accepted": "number"}],
        "connections": {
            "total": "number",
            "shown": [{
                "peer": "string",
                "listener": "string",
                "engine_id": "string",
                "version": "string",
                "max_frame_size_bytes": "number",
                "capabilities": ["string"],
                "phase": "string",
                "in_flight": "number",
                "memory_bytes": "number",
                "age_seconds": "number",
            }],
        },
        "routes": [{
            "message": "string",
            "calls": "number",
            "outcomes": outcomes(),
            "p50_seconds": "number",
            "p99_seconds": "number",
            "in_flight": "number",
            "in_flight_limit": "number",
            "instances": {"up": "number", "renewing": "number", "down": "number", "stopped": "number"},
            "is_required": "bool",
            "restarts": "number",
            "starts_failed": "number",
            "given_up": "number",
            "panics_aside": "number",
            "deadline_seconds": "number",
            "fallback": "string",
            "arguments": [{"name": "string", "type": "string", "length_bytes": "null"}],
        }],
        "violations": [{
            "time_unix_seconds": "number",
            "peer": "string",
            "engine_id": "string",
            "status_code": "number",
            "status": "string",
            "reason": "string",
            "text": "string",
            "advice": "string",
        }],
        "latency": {
            "count": "number",
            "sum_seconds": "number",
            "buckets": [{"up_to_seconds": "number", "count": "number"}],
        },
        "totals": null,
    })
}

#[actix_rt::test]
async fn the_filter_of_logs_is_shown_and_set() {
    let scene = Scene::new();
    assert!(scene.get("/log-filter").await.body.contains("info"));
    let set = scene.ask("PUT", "/log-filter", "warn,spoa_actors=debug\n").await;
    assert_eq!(set.status, 200, "{set:?}");
    let shown = scene.get("/log-filter").await.body;
    assert_eq!(set.body, shown);
    assert!(shown.contains("spoa_actors=debug") && shown.contains("warn"), "{shown}");

    let long = "a".repeat(5000);
    for (filter, status, part) in [
        ("spoa_actors=loud", 400, "\"spoa_actors=loud\" is no filter of logs"),
        ("", 400, "write for example info,spoa_actors=debug"),
        (&long, 413, "4096 bytes at most"),
    ] {
        let refused = scene.ask("PUT", "/log-filter", filter).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.body.contains(part), "{refused:?}");
    }
    assert_eq!(scene.get("/log-filter").await.body, shown);
}

#[actix_rt::test]
async fn clients_that_are_slow_are_left() {
    let scene = Scene::new();
    let body = "PUT /log-filter HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nin";
    let body = actix_rt::spawn(say(scene.address, body.to_owned()));
    let head = say(scene.address, "GET / HTTP/1.1\r\nHost:".to_owned()).await;
    let body = body.await.unwrap();
    assert_eq!(body.status, 408, "{body:?}");
    assert_eq!(head.status, 408, "{head:?}");
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = Admin::bind("127.0.0.1:0").unwrap();
    let error = Admin::bind(&taken.address().to_string()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot serve the admin endpoint on {}", taken.address())));
    assert!(error.ends_with("stop what listens there, or choose another address with --admin"));
}
