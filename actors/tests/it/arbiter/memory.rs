//! The bytes that all connections of an agent keep together.

use std::{future::pending, time::Duration};

use allocation_counter::measure;
use serde::Deserialize;
use spoa_actors::{
    Limits, Message, Registry, Route,
    spop::{FrameType, HaproxyHello, StatusCode},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::duplex,
    time::{Instant, timeout},
};

use crate::{
    arbiter::limits::{agent, fragment},
    support::{Answered, Result, ask_big, ask_score, until},
};

#[derive(Deserialize)]
struct Text {
    body: String,
}

/// How many bytes all connections may keep in these tests; of a hundred connections, 10 KiB each.
const MEMORY: usize = 1 << 20;

async fn agent_with_little_memory() -> InMemoryAgent {
    agent(
        Limits::default()
            .connections(100)
            .memory(MEMORY)
            .max_frame_size(64 * 1024)
            .max_reassembled_size(MEMORY),
    )
    .await
}

/// A wake-up may bring so much before it is accounted for.
const WAKE_UP: u64 = 1 << 20;

/// Sends a NOTIFY in fragments that never ends; fails when the agent has had enough.
async fn send_without_end(haproxy: &mut FakeHaproxy) -> Result {
    haproxy.send(fragment(FrameType::NOTIFY, 16_000)).await?;
    for _ in 0..60 {
        haproxy.send(fragment(FrameType::UNSET, 16_000)).await?;
    }
    Ok(())
}

#[actix_rt::test]
async fn endless_fragments_on_many_connections_take_no_more_than_may_be_kept() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut well_behaved = agent.connect().await?;
    let mut connections = Vec::new();
    for _ in 0..90 {
        let mut haproxy = agent.connect().await?;
        // That it fails is seen below.
        let _ = send_without_end(&mut haproxy).await;
        connections.push(haproxy);
        let actions = well_behaved.notify(ask_score()).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
        let kept = agent.statistics().await.buffered_bytes;
        assert!(kept <= MEMORY as u64 + WAKE_UP, "{kept}");
    }
    let seen = agent.statistics().await;
    assert!(seen.memory_exceeded >= 88, "{}", seen.memory_exceeded);
    assert_eq!(seen.disconnects_sent.of(StatusCode::NO_RESOURCE), seen.memory_exceeded);
    drop(connections);
    until(&agent, |seen| seen.connections_open == 1).await;
    assert_eq!(agent.statistics().await.buffered_bytes, 0);
    Ok(())
}

#[actix_rt::test]
async fn whoever_has_too_much_in_flight_is_not_read_until_answers_have_come() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut well_behaved = agent.connect().await?;
    let mut haproxy = agent.connect().await?;
    let large = Message::new("never").arg("body", vec![7; 15_000]);
    let sending = async {
        for _ in 0..200 {
            haproxy.send_notify(large.clone()).await?;
        }
        for _ in 0..200 {
            assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.never -1");
        }
        Result::Ok(())
    };
    let looking = async {
        until(&agent, |seen| seen.reads_paused > 0).await;
        let seen = agent.statistics().await;
        assert!((46..=52).contains(&seen.notifies_in_flight), "{}", seen.notifies_in_flight);
        assert!(seen.buffered_bytes <= MEMORY as u64 + WAKE_UP, "{}", seen.buffered_bytes);
        // Others are served meanwhile.
        let actions = well_behaved.notify(ask_score()).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
        Result::Ok(())
    };
    let (sent, looked) = tokio::join!(sending, looking);
    sent.and(looked)?;
    let seen = agent.statistics().await;
    assert_eq!((seen.acks, seen.memory_exceeded, seen.notifies_in_flight), (201, 0, 0));
    assert!((2..=6).contains(&seen.reads_paused), "{}", seen.reads_paused);
    Ok(())
}

#[actix_rt::test]
async fn who_waits_for_memory_is_read_soon_after_others_have_freed_it() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut waiting = agent.connect().await?;
    let mut other = agent.connect().await?;
    let large = Message::new("never").arg("body", vec![7; 15_000]);
    let begun = Instant::now();
    let fill = async { while other.send_notify(large.clone()).await.is_ok() {} };
    let _ = timeout(Duration::from_millis(500), fill).await;
    waiting.send_notify(large).await?;
    waiting.send_notify(ask_score()).await?;
    until(&agent, |seen| seen.reads_paused == 2).await;
    // The other one gets its fallbacks after 1 s.
    assert_eq!(waiting.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    assert!(begun.elapsed() <= Duration::from_millis(1050), "{:?}", begun.elapsed());
    Ok(())
}

/// Has so many messages with a body wait; says how much memory that takes, and how much is accounted for.
fn taken_by(message: &str, body: usize, count: u64) -> (u64, u64) {
    let system = actix_rt::System::new();
    let later = async |(): ()| pending::<Answered>().await;
    let keep = async |message: Message| pending::<Answered>().await.inspect(|_| drop(message));
    let copy = async |text: Text| pending::<Answered>().await.inspect(|_| drop(text.body));
    let registry = Registry::new()
        .on("later", Route::new(later).concurrency(10_000))
        .on("keep", Route::new(keep).concurrency(10_000))
        .on("copy", Route::new(copy).concurrency(10_000));
    let limits = Limits::default().memory(1 << 30);
    let message = Message::new(message).arg("body", "x".repeat(body).as_str());
    let (agent, mut haproxy) = system.block_on(async {
        let agent = InMemoryAgent::start(registry, limits).await.unwrap();
        let mut haproxy = agent.open();
        haproxy.hello(HaproxyHello { max_frame_size: 1 << 20, ..hello() }).await.unwrap();
        // What is made once is made.
        haproxy.send_notify(message.clone()).await.unwrap();
        until(&agent, |seen| seen.notifies_in_flight == 1).await;
        (agent, haproxy)
    });
    let before = system.block_on(agent.statistics()).buffered_bytes;
    let allocated = measure(|| {
        system.block_on(async {
            for _ in 0..count {
                haproxy.send_notify(message.clone()).await.unwrap();
            }
            until(&agent, |seen| seen.notifies_in_flight == 1 + count).await;
        });
    });
    let kept = system.block_on(agent.statistics()).buffered_bytes - before;
    (allocated.bytes_current.unsigned_abs(), kept)
}

#[test]
fn what_a_call_that_waits_takes_is_accounted_for() {
    /// Buffers of the stream in memory, and sets that double.
    const BESIDE: u64 = 256 * 1024;
    for (body, count) in [(0, 1000), (1000, 1000), (9000, 300), (60_000, 50), (600_000, 10)] {
        for message in ["later", "keep", "copy"] {
            let (taken, kept) = taken_by(message, body, count);
            println!("{message} {body}: {} taken, {} accounted for", taken / count, kept / count);
            assert!(
                taken <= kept + BESIDE,
                "{message} {body}: {taken} taken, {kept} accounted for"
            );
        }
    }
}

#[actix_rt::test]
async fn peers_that_read_nothing_are_cut_off_when_all_together_leave_too_much() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut connections = Vec::new();
    for _ in 0..90 {
        let (ours, theirs) = duplex(1024);
        agent.adopt(theirs);
        let mut haproxy = FakeHaproxy::over(ours).await?;
        // Each leaves 48 KB.
        for _ in 0..3 {
            haproxy.send_notify(ask_big(16_000)).await?;
        }
        connections.push(haproxy);
        let kept = agent.statistics().await.buffered_bytes;
        assert!(kept <= MEMORY as u64 + WAKE_UP, "{kept}");
    }
    until(&agent, |seen| seen.notifies + 3 * seen.memory_exceeded >= 3 * 90).await;
    let seen = agent.statistics().await;
    assert!(seen.memory_exceeded > 60, "{}", seen.memory_exceeded);
    assert_eq!(seen.connections_open + seen.memory_exceeded, 90);
    Ok(())
}
