//! What several topics need: handlers, and messages for them.

pub(crate) mod certificates;
pub(crate) mod lives;
pub(crate) mod numbered;
pub(crate) mod streams;
pub(crate) mod waiting;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use actix_rt::task::JoinHandle;
use bytes::BytesMut;
use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, BoxError, Message, Registry, Route, Scope,
    observe::Statistics,
    spop::{Ack, Disconnect, Frame, FrameId, Messages, Notify, StreamId},
    testing::{ClientError, FakeHaproxy, InMemoryAgent},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Dispatch, Subscriber, subscriber::DefaultGuard};

pub(crate) type Result<T = ()> = std::result::Result<T, ClientError>;
/// What a handler's start returns.
pub(crate) type Started = std::result::Result<(), BoxError>;
/// What a handler returns.
pub(crate) type Answered = std::result::Result<Actions, BoxError>;

/// `variable("fallback", -1)`, as HAProxy gets it.
pub(crate) const FALLBACK: &str = "set-var txn.fallback -1";

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

#[derive(Deserialize)]
struct Size {
    n: usize,
}

#[derive(Deserialize)]
struct SizeLater {
    n: usize,
    ms: u64,
}

pub(crate) fn variable(name: &str, value: i64) -> Actions {
    Actions::new().set_var(Scope::Transaction, name, value).unwrap()
}

fn score(client: Client) -> std::result::Result<Actions, ActionError> {
    let score = if client.ip.is_loopback() { 20 } else { 10 };
    Actions::new().set_var(Scope::Session, "ip_score", score)
}

/// `score`, `sleep`, `big`, `big-later`, `fail`, `panic`, `panic-later`, `never`; the last four with a fallback
/// that is named after them.
pub(crate) fn registry() -> Registry {
    let fallback = |name: &str| variable(name, -1);
    Registry::new()
        .on("score", score)
        .on("sleep", sleep)
        .on("big", big)
        .on("big-later", big_later)
        .on("fail", Route::new(|(): ()| Err::<Actions, _>("as asked")).fallback(fallback("fail")))
        .on("panic", Route::new(panics).fallback(fallback("panic")))
        .on("panic-later", Route::new(panics_later).fallback(fallback("panic_later")))
        .on("never", never())
}

pub(crate) fn never() -> Route {
    Route::new(async |(): ()| {
        std::future::pending::<std::result::Result<Actions, ClientError>>().await
    })
    .fallback(variable("never", -1))
    .concurrency(10_000)
}

async fn sleep(args: Milliseconds) -> std::result::Result<Actions, ActionError> {
    tokio::time::sleep(Duration::from_millis(args.ms)).await;
    Actions::new().set_var(Scope::Transaction, "slept", args.ms)
}

fn big(size: Size) -> std::result::Result<Actions, ActionError> {
    let text = "x".repeat(size.n);
    Actions::new().set_var(Scope::Transaction, "big", text.as_str())
}

async fn big_later(size: SizeLater) -> std::result::Result<Actions, ActionError> {
    tokio::time::sleep(Duration::from_millis(size.ms)).await;
    big(Size { n: size.n })
}

fn panics((): ()) -> std::result::Result<Actions, ClientError> {
    panic!("as asked")
}

async fn panics_later((): ()) -> std::result::Result<Actions, ClientError> {
    tokio::task::yield_now().await;
    panic!("as asked")
}

pub(crate) fn ask_score() -> Message {
    Message::new("score").arg("ip", IpAddr::from([127, 0, 0, 1]))
}

pub(crate) fn ask_sleep(ms: u64) -> Message {
    Message::new("sleep").arg("ms", ms)
}

pub(crate) fn ask_big(n: u64) -> Message {
    Message::new("big").arg("n", n)
}

pub(crate) fn ask_big_later(n: u64, ms: u64) -> Message {
    Message::new("big-later").arg("n", n).arg("ms", ms)
}

pub(crate) async fn agent() -> InMemoryAgent {
    InMemoryAgent::start(registry(), spoa_actors::Limits::default()).await.unwrap()
}

/// A NOTIFY, as bytes.
pub(crate) fn encoded_notify(
    (stream_id, frame_id): (StreamId, FrameId),
    messages: impl Into<Messages>,
) -> BytesMut {
    let mut bytes = BytesMut::new();
    Frame::Notify(Notify { stream_id, frame_id, messages: messages.into() }).encode(&mut bytes);
    bytes
}

/// Sends all NOTIFYs, then waits for as many ACKs.
pub(crate) async fn exchange(
    haproxy: &mut FakeHaproxy,
    notifies: impl IntoIterator<Item = Messages>,
) -> Result<Vec<Ack>> {
    let mut count = 0;
    for messages in notifies {
        haproxy.send_notify(messages).await?;
        count += 1;
    }
    let mut acks = Vec::new();
    for _ in 0..count {
        acks.push(haproxy.ack().await?);
    }
    Ok(acks)
}

/// The agent's farewell, after which it closes.
pub(crate) async fn farewell<S>(haproxy: &mut FakeHaproxy<S>) -> Result<Disconnect>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    Ok(disconnect)
}

/// Waits for the answer to one NOTIFY; passes over those to others.
pub(crate) async fn answer_to(
    haproxy: &mut FakeHaproxy,
    ids: (StreamId, FrameId),
) -> Result<String> {
    loop {
        let ack = haproxy.ack().await?;
        if (ack.stream_id, ack.frame_id) == ids {
            return Ok(ack.actions.to_string());
        }
    }
}

/// Stops the agent, while the test goes on.
pub(crate) fn stop(agent: &InMemoryAgent) -> JoinHandle<Statistics> {
    let agent = agent.clone();
    actix_rt::spawn(async move { agent.stop().await })
}

/// Waits until the agent has come so far.
pub(crate) async fn until(agent: &InMemoryAgent, is_so: impl Fn(&Statistics) -> bool) {
    for _ in 0..100_000 {
        if is_so(&agent.statistics().await) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the agent does not come so far: {:?}", agent.statistics().await);
}

/// Beside the subscriber of a test there is always another: with one alone, `tracing` asks whichever thread first
/// comes by a line whether that is heard, and the line is lost to all if that thread has no subscriber.
static ANOTHER: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// What this thread logs goes to this subscriber, until the guard is dropped.
pub(crate) fn subscribe(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    LazyLock::force(&ANOTHER);
    tracing::subscriber::set_default(subscriber)
}

/// The lines of this thread's log, from [`listen`](Self::listen) on.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        subscribe(log.finish())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
