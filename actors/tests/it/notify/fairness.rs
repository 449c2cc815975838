//! Many connections with little to do, and one with much: neither waits for the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use serde::Deserialize;
use spoa_actors::{
    Action, Actions, BoxError, Limits, Message, Registry, Route,
    spop::{Frame, FrameId, Messages, Notify, StreamId},
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::support::{Result, ask_sleep, encoded_notify, until, variable};

const MANY: usize = 2000;

/// A connection whose stream takes `capacity` bytes.
async fn connect(agent: &InMemoryAgent, capacity: usize) -> Result<FakeHaproxy<DuplexStream>> {
    let (ours, theirs) = duplex(capacity);
    agent.adopt(theirs);
    FakeHaproxy::over(ours).await
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

async fn sleeps(time: Milliseconds) -> std::result::Result<Actions, BoxError> {
    tokio::time::sleep(Duration::from_millis(time.ms)).await;
    Ok(variable("slept", 1))
}

#[actix_rt::test]
async fn checklist_36_thousands_of_connections_with_a_frame_or_none_and_one_with_hundreds() -> Result
{
    tokio::time::pause();
    // Room for all: it is the connections that are looked at.
    let registry = Registry::new().on("sleep", Route::new(sleeps).concurrency(2 * MANY));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut idle = Vec::new();
    let mut asking = Vec::new();
    for _ in 0..MANY {
        idle.push(connect(&agent, 1024).await?);
        asking.push(connect(&agent, 1024).await?);
    }
    let mut busy = connect(&agent, 1 << 20).await?;
    let asked = Instant::now();
    for haproxy in &mut asking {
        haproxy.send_notify(ask_sleep(100)).await?;
    }
    for _ in 0..500 {
        busy.send_notify(ask_sleep(100)).await?;
    }
    for _ in 0..500 {
        busy.ack().await?;
    }
    for haproxy in &mut asking {
        haproxy.ack().await?;
    }
    // Whoever had to wait for another's answer would be a multiple of 100 ms later.
    let waited = asked.elapsed();
    assert!((100..150).contains(&waited.as_millis()), "{waited:?}");
    for haproxy in idle.iter_mut().take(10) {
        haproxy.notify(ask_sleep(1)).await?;
    }
    let seen = agent.statistics().await;
    assert_eq!(seen.messages.answered, MANY as u64 + 510);
    assert_eq!(seen.connections_open, 2 * MANY as u64 + 1);
    Ok(())
}

/// `count` counts its calls; `seen` answers how many there have been.
fn counting() -> Registry {
    let calls = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&calls);
    let count = Route::new(move |(): ()| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(Actions::new())
    });
    let seen = Route::new(move |(): ()| {
        Ok::<_, BoxError>(variable("seen", calls.load(Ordering::Relaxed)))
    });
    Registry::new().on("count", count).on("seen", seen)
}

#[actix_rt::test]
async fn checklist_36_a_connection_that_always_has_more_does_not_keep_the_others_waiting() -> Result
{
    const FLOOD: u64 = 200_000;
    let agent = InMemoryAgent::start(counting(), Limits::default()).await?;
    let mut greedy = connect(&agent, 8 << 20).await?;
    let mut modest = connect(&agent, 1024).await?;
    let mut flood = BytesMut::new();
    for stream in 0..FLOOD {
        let (stream_id, frame_id) = (StreamId(stream), FrameId(1));
        let messages = Message::new("count").into();
        Frame::Notify(Notify { stream_id, frame_id, messages }).encode(&mut flood);
    }
    // All of it is there, and its connection is the first to be woken.
    greedy.send_bytes(&flood).await?;
    let before = answered_before(&mut modest).await?;
    assert!(before < i128::from(FLOOD) / 4, "{before} were answered before");
    until(&agent, |seen| seen.acks == FLOOD + 1).await;
    Ok(())
}

/// How many messages were answered before the one of `modest`, while `flood` waits to be read.
async fn answered_before<S>(modest: &mut FakeHaproxy<S>) -> Result<i128>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let before = modest.notify(Message::new("seen")).await?;
    let Some(Action::SetVar { value, .. }) = before.iter().next() else { panic!("{before:?}") };
    Ok(value.as_integer().unwrap())
}

#[actix_rt::test]
async fn a_turn_is_over_after_so_many_messages_not_only_after_so_many_frames() -> Result {
    const FRAMES: u64 = 200;
    const EACH: u64 = 1000;
    let agent = InMemoryAgent::start(counting(), Limits::default()).await?;
    let mut greedy = connect(&agent, 8 << 20).await?;
    let mut modest = connect(&agent, 1024).await?;
    let mut flood = BytesMut::new();
    for stream in 0..FRAMES {
        let messages: Messages = (0..EACH).map(|_| Message::new("count")).collect();
        flood.extend(encoded_notify((StreamId(stream), FrameId(1)), messages));
    }
    greedy.send_bytes(&flood).await?;
    let before = answered_before(&mut modest).await?;
    // A frame takes as much of a turn as it has messages.
    assert!(before <= i128::from(3 * EACH), "{before} were answered before");
    until(&agent, |seen| seen.acks == FRAMES + 1).await;
    Ok(())
}

#[actix_rt::test]
async fn a_turn_is_over_after_so_many_bytes_too() -> Result {
    const FRAMES: u64 = 250;
    let agent = InMemoryAgent::start(counting(), Limits::default()).await?;
    let mut greedy = connect(&agent, 8 << 20).await?;
    let mut modest = connect(&agent, 1024).await?;
    let mut flood = BytesMut::new();
    for stream in 0..FRAMES {
        let message = Message::new("count").arg("body", vec![7; 16_000]);
        flood.extend(encoded_notify((StreamId(stream), FrameId(1)), message));
    }
    greedy.send_bytes(&flood).await?;
    let before = answered_before(&mut modest).await?;
    assert!(before <= 50, "{before} were answered before");
    until(&agent, |seen| seen.acks == FRAMES + 1).await;
    Ok(())
}

#[actix_rt::test]
async fn sockets_are_looked_at_between_two_turns_of_one_that_always_has_more() -> Result {
    const FLOOD: u64 = 100_000;
    let agent = InMemoryAgent::start(counting(), Limits::default()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    agent.adopt(listener.accept().await?.0);
    let mut modest = FakeHaproxy::over(stream).await?;
    modest.notify(Message::new("seen")).await?;
    let mut greedy = connect(&agent, 8 << 20).await?;
    let mut flood = BytesMut::new();
    for stream in 0..FLOOD {
        flood.extend(encoded_notify((StreamId(stream), FrameId(1)), Message::new("count")));
    }
    greedy.send_bytes(&flood).await?;
    let before = answered_before(&mut modest).await?;
    // A turn is 256. That is 61 of them if only tasks that are woken already have their turn between.
    assert!(before <= 10 * 256, "{before} were answered before");
    until(&agent, |seen| seen.acks == FLOOD + 2).await;
    Ok(())
}
