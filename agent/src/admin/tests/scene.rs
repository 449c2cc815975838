//! The scene: an endpoint that serves, a client, and a real agent behind it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    num::NonZero,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_rt::{task::spawn_blocking, time::sleep};
use serde_json::Value;
use spoa_actors::{
    ActionError, Actions, Agent, Limits, Message, Registry, RunningAgent, testing::FakeHaproxy,
};

use crate::{
    admin::{Admin, AdminError, Served, ServedAt, View},
    admin_options::{AdminOptions, AdminPlace},
    telemetry::{
        line_queue::LineQueue,
        logs::{BoxedLayer, LogFormat, Logs},
        span_counts::SpanCounters,
    },
};

/// The longest that anything here may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const PATHS: [&str; 6] =
    ["/", "/healthz", "/readyz", "/metrics", "/status.json", "/log-filter"];

/// An endpoint that serves, and what it looks at.
pub(super) struct Scene {
    pub(super) address: SocketAddr,
    pub(super) view: View,
    _served: Served,
    /// While it is there, the filter can be changed.
    _layer: BoxedLayer,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Scene {
    pub(super) fn new() -> Self {
        let queue = LineQueue::start(io::stderr()).unwrap();
        let (logs, layer) = Logs::new(queue, "", LogFormat::Json).unwrap();
        let view = View::new(Limits::default(), logs, Arc::new(SpanCounters::new(0)));
        let served = bind("127.0.0.1:0").unwrap().serve(view.clone()).unwrap();
        let ServedAt::Tcp(address) = served.place else { panic!("{served:?}") };
        Self { address, view, _served: served, _layer: layer }
    }

    pub(super) async fn with_agent(registry: Registry) -> (Self, RunningAgent) {
        let scene = Self::new();
        let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::<usize>::MIN);
        let agent = agent.start(registry).await.unwrap();
        scene.view.started(agent.observer());
        (scene, agent)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let end = "Connection: close\r\n\r\n";
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n");
        say(self.address, format!("{head}{end}{body}")).await
    }

    pub(super) async fn json(&self) -> Value {
        serde_json::from_str(&self.get("/status.json").await.body).unwrap()
    }

    /// Asks until it is answered so.
    pub(super) async fn until(&self, path: &str, is_so: impl Fn(&Answer) -> bool) -> Answer {
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

/// An endpoint on this address.
pub(super) fn bind(address: &str) -> Result<Admin, AdminError> {
    let options = AdminOptions {
        admin: Some(AdminPlace::Tcp(address.to_owned())),
        admin_host: Vec::new(),
        admin_token_file: None,
        token: None,
        admin_unix_mode: 0o600,
    };
    Ok(Admin::bind(&options)?.expect("it was asked for"))
}

/// Sends these bytes, and reads until the other side closes.
pub(super) async fn say(address: SocketAddr, request: String) -> Answer {
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

pub(super) fn answer_nothing(_: Message) -> Result<Actions, ActionError> {
    Ok(Actions::new())
}

pub(super) fn message(name: &'static str) -> Message {
    Message::new(name).arg("ip", Ipv4Addr::LOCALHOST).arg("ua", "curl")
}

pub(super) async fn haproxy(agent: &RunningAgent) -> FakeHaproxy<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(agent.local_addresses()[0]).await.unwrap();
    FakeHaproxy::over(stream).await.unwrap()
}
