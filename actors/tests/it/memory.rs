//! The bytes that all connections of an agent keep together.

use spoa_actors::{
    Limits, Message,
    spop::{Frame, FrameType, StatusCode},
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::io::duplex;

use crate::{
    limits::{agent, fragment},
    support::{Result, ask_big, ask_score, until},
};

/// How many bytes all connections may keep in these tests; of a hundred connections, 10 KiB each.
const MEMORY: usize = 1 << 20;

async fn agent_with_little_memory() -> InMemoryAgent {
    agent(Limits {
        connections: 100,
        memory: MEMORY,
        max_frame_size: 64 * 1024,
        max_reassembled_size: MEMORY,
        ..Limits::default()
    })
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
        let kept = agent.statistics().await.bytes_kept;
        assert!(kept <= MEMORY as u64 + WAKE_UP, "{kept}");
    }
    let seen = agent.statistics().await;
    assert!(seen.memory_exceeded >= 88, "{}", seen.memory_exceeded);
    assert_eq!(seen.disconnects_sent.of(StatusCode::NO_RESOURCE), seen.memory_exceeded);
    drop(connections);
    until(&agent, |seen| seen.connections_open == 1).await;
    assert_eq!(agent.statistics().await.bytes_kept, 0);
    Ok(())
}

#[actix_rt::test]
async fn whoever_keeps_too_much_in_flight_is_answered_before_the_farewell() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut haproxy = agent.connect().await?;
    let large = Message::new("never").arg("body", &vec![7; 15_000]);
    for _ in 0..80 {
        haproxy.send_notify(large.clone()).await?;
    }
    let mut answered = 0;
    let farewell = loop {
        match haproxy.receive().await? {
            Frame::Ack(ack) => {
                assert_eq!(ack.actions.to_string(), "set-var txn.never -1");
                answered += 1;
            }
            Frame::AgentDisconnect(disconnect) => break disconnect,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(farewell.status_code, StatusCode::NO_RESOURCE);
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.memory_exceeded), (answered, answered, 1));
    assert!((69..80).contains(&answered), "{answered}");
    Ok(())
}

#[actix_rt::test]
async fn peers_that_read_nothing_are_cut_off_when_all_together_leave_too_much() -> Result {
    tokio::time::pause();
    let agent = agent_with_little_memory().await;
    let mut connections = Vec::new();
    for _ in 0..90 {
        let (ours, theirs) = duplex(1024);
        agent.adopt(theirs);
        let mut haproxy = FakeHaproxy::connect(ours).await?;
        // Each leaves 48 KB.
        for _ in 0..3 {
            haproxy.send_notify(ask_big(16_000)).await?;
        }
        connections.push(haproxy);
        let kept = agent.statistics().await.bytes_kept;
        assert!(kept <= MEMORY as u64 + WAKE_UP, "{kept}");
    }
    until(&agent, |seen| seen.notifies + 3 * seen.memory_exceeded >= 3 * 90).await;
    let seen = agent.statistics().await;
    assert!(seen.memory_exceeded > 60, "{}", seen.memory_exceeded);
    assert_eq!(seen.connections_open + seen.memory_exceeded, 90);
    Ok(())
}
