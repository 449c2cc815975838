//! Peers of ill will, and very many peers: what an agent holds is bounded, and given back.

use std::time::Duration;

use spoa_actors::spop::{Flags, FrameType};
use spoa_integration::{Failure, Peer, frame, hello, notify};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::footprint::{Footprint, KIB, MIB};

/// What an agent may take whatever the number of peers: arenas of its allocator, lent buffers.
const SLACK: u64 = 4 * MIB;

/// What takes seconds on a machine of its own, and much longer on a busy one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for all peers, each of which got what it wanted.
async fn all(peers: JoinSet<Result<(), Failure>>) {
    let outcomes = timeout(PATIENCE, peers.join_all()).await.unwrap();
    outcomes.into_iter().collect::<Result<(), Failure>>().unwrap();
}

#[tokio::test]
async fn checklist_38_a_peer_that_never_reads_its_acks_costs_no_more_than_its_output_buffer() {
    const PEERS: u64 = 16;
    /// 256 KiB of output and what one reading of NOTIFYs adds to it.
    const EACH: u64 = 1024 * KIB;
    let footprint = Footprint::new().await;
    let questions: Vec<u8> = (1..=500).flat_map(|id| notify(id, "large")).collect();
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let (mut peer, questions) = (footprint.greeted().await, questions.clone());
        peers.spawn(async move { while peer.send(&questions).await.is_ok() {} });
    }
    // Until the agent has given up each of them.
    timeout(PATIENCE, peers.join_all()).await.unwrap();
    assert!(footprint.agent.log().contains("write timeout reached: closed a connection"));
    let peak = footprint.peak();
    println!("{PEERS} peers that never read: {} KiB each", peak / KIB / PEERS);
    assert!(peak < PEERS * EACH + SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn checklist_22_endless_fragments_cost_no_more_than_one_notify_may() {
    const PEERS: u64 = 4;
    const SENT: usize = 48 * MIB as usize;
    /// 4 MiB, in a buffer that doubles.
    const EACH: u64 = 10 * MIB;
    let footprint = Footprint::new().await;
    let rest = frame(FrameType::UNSET, Flags::NONE, 1, &[0x08; 16_000]);
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let (mut peer, rest) = (footprint.greeted().await, rest.clone());
        peers.spawn(async move {
            peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 1, &[0x08; 16_000])).await?;
            for _ in 0..SENT / rest.len() {
                peer.send(&rest).await?;
            }
            peer.send(&frame(FrameType::UNSET, Flags::FIN, 1, &[])).await?;
            let head = peer.receive().await?;
            assert_eq!((head.frame_type, head.stream_id.0), (FrameType::ACK, 1));
            peer.ask(2, "greet").await
        });
    }
    all(peers).await;
    let peak = footprint.peak();
    println!("{PEERS} peers with endless fragments: {} KiB each", peak / KIB / PEERS);
    assert!(peak < PEERS * EACH + SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

/// Frames that announce more than they have, or less than a frame may have.
fn forgeries() -> Vec<Vec<u8>> {
    let lengths = [0, 6, 1 << 20 | 1, 1 << 24, 0x7fff_ffff, 0xffff_ffff_u32];
    let with_length = |length: u32| [&length.to_be_bytes()[..], &hello()[4..]].concat();
    // The name of a key, or of a message, of 2^64 - 1 bytes; and one of 16 MiB.
    let longest = [0xff, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e, b'x'];
    let long = [0xf0, 0xf1, 0xfe, 0x07, b'x'];
    let names = [&longest[..], &long[..]];
    let within = [FrameType::HAPROXY_HELLO, FrameType::NOTIFY].map(|kind| {
        names.map(|name| frame(kind, Flags::FIN, u64::from(kind == FrameType::NOTIFY), name))
    });
    lengths.into_iter().map(with_length).chain(within.into_iter().flatten()).collect()
}

#[tokio::test]
async fn checklist_01_04_forged_lengths_cost_nothing_but_their_connection() {
    const TIMES: usize = 20;
    let footprint = Footprint::new().await;
    let mut peers = JoinSet::new();
    for forgery in forgeries() {
        for is_greeted in [false, true] {
            for _ in 0..TIMES {
                let (address, forgery) = (footprint.address(), forgery.clone());
                peers.spawn(async move {
                    let peer = Peer::connect(address).await?;
                    let mut peer = if is_greeted { peer.greet().await? } else { peer };
                    peer.send(&forgery).await?;
                    let head = peer.receive().await?;
                    assert_eq!(head.frame_type, FrameType::AGENT_DISCONNECT, "{forgery:?}");
                    peer.closed().await
                });
            }
        }
    }
    let count = peers.len();
    all(peers).await;
    let peak = footprint.peak();
    println!("{count} forged lengths: {} KiB in all", peak / KIB);
    assert!(peak < SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn half_hellos_cost_little_and_are_closed_by_the_hello_timeout() {
    const PEERS: u64 = 1000;
    const EACH: u64 = 8 * KIB;
    let footprint = Footprint::new().await;
    let hello = hello();
    let mut peers = Vec::new();
    for index in 0..PEERS as usize {
        let mut peer = Peer::connect(footprint.address()).await.unwrap();
        peer.send(&hello[..1 + index % (hello.len() - 1)]).await.unwrap();
        peers.push(peer);
    }
    for peer in &mut peers {
        assert_eq!(peer.receive().await.unwrap().frame_type, FrameType::AGENT_DISCONNECT);
        peer.closed().await.unwrap();
    }
    let peak = footprint.peak();
    println!("{PEERS} half HELLOs: {} bytes each", peak / PEERS);
    assert!(peak < PEERS * EACH + SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn half_frames_cost_no_more_than_whole_ones_and_are_closed_by_the_read_timeout() {
    const PEERS: u64 = 500;
    /// A frame as large as announced, and the connection.
    const EACH: u64 = 40 * KIB;
    let footprint = Footprint::new().await;
    let whole = frame(FrameType::NOTIFY, Flags::FIN, 1, &[0x08; 16_000]);
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut peer = footprint.greeted().await;
        peer.send(&whole[..whole.len() - 1]).await.unwrap();
        peers.push(peer);
    }
    for peer in &mut peers {
        assert_eq!(peer.receive().await.unwrap().frame_type, FrameType::AGENT_DISCONNECT);
        peer.closed().await.unwrap();
    }
    let peak = footprint.peak();
    println!("{PEERS} half frames: {} bytes each", peak / PEERS);
    assert!(peak < PEERS * EACH + SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn unfinished_notifies_of_many_peers_cost_no_more_than_all_connections_may_keep() {
    const PEERS: u64 = 48;
    const SENT: usize = 3 * MIB as usize;
    /// `Limits::memory` of the agent, and what its buffers have beyond their contents.
    const ALL: u64 = 2 * 32 * MIB;
    let footprint = Footprint::new().await;
    let rest = frame(FrameType::UNSET, Flags::NONE, 1, &[0x08; 16_000]);
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let (mut peer, rest) = (footprint.greeted().await, rest.clone());
        peers.spawn(async move {
            peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 1, &[0x08; 16_000])).await?;
            for _ in 0..SENT / rest.len() {
                if peer.send(&rest).await.is_err() {
                    break; // it was one too many
                }
            }
            peer.closed().await
        });
    }
    all(peers).await;
    let peak = footprint.peak();
    println!("{PEERS} peers with {SENT} bytes of a NOTIFY: {} KiB in all", peak / KIB);
    assert!(peak < ALL + SLACK, "{peak} bytes");
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn five_thousand_idle_connections_cost_less_than_4_kb_each() {
    const PEERS: usize = 5000;
    const EACH: u64 = 4000;
    let footprint = Footprint::new().await;
    let mut peers = Vec::new();
    for id in 1..=PEERS as u64 {
        // One that has been of use has had buffers; it must have given them back.
        let mut peer = footprint.greeted().await;
        peer.ask(id, "large").await.unwrap();
        peers.push(peer);
    }
    assert_eq!(footprint.connections(), PEERS);
    let each = footprint.growth() / PEERS as u64;
    println!("{PEERS} idle connections: {each} bytes each");
    assert!(each < EACH, "{each} bytes each");
    peers.last_mut().unwrap().ask(1, "greet").await.unwrap();
    drop(peers);
    footprint.is_free_of_peers().await;
}

/// Connects so many times, a few at a time, and closes again.
async fn reconnect(footprint: &Footprint, times: u64, is_of_use: bool) {
    const AT_A_TIME: u64 = 8;
    let mut peers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let agent = footprint.address();
        peers.spawn(async move {
            for id in 1..=times / AT_A_TIME {
                let mut peer = Peer::connect(agent).await?;
                if is_of_use {
                    peer = peer.greet().await?;
                    peer.ask(id, "large").await?;
                }
                peer.close().await?;
            }
            Ok(())
        });
    }
    all(peers).await;
    footprint.is_free_of_peers().await;
}

async fn reconnects_leave_nothing(is_of_use: bool) {
    const TIMES: u64 = 20_000;
    /// A connection that is not given back has a kilobyte at least.
    const LEFT: u64 = 100;
    let footprint = Footprint::new().await;
    reconnect(&footprint, TIMES / 10, is_of_use).await;
    let before = footprint.growth();
    reconnect(&footprint, TIMES, is_of_use).await;
    let left = footprint.growth().saturating_sub(before);
    println!("{TIMES} reconnects leave {left} bytes, the {} before left {before}", TIMES / 10);
    assert!(left < TIMES * LEFT, "{left} bytes");
}

#[tokio::test]
async fn twenty_thousand_connections_with_a_notify_each_leave_nothing_behind() {
    reconnects_leave_nothing(true).await;
}

#[tokio::test]
async fn twenty_thousand_connections_without_a_word_leave_nothing_behind() {
    reconnects_leave_nothing(false).await;
}

#[tokio::test]
async fn a_storm_of_twenty_thousand_connections_costs_no_more_than_a_full_agent() {
    const TIMES: u64 = 20_000;
    /// As many connections as the agent may have: they may come faster than it sees their ends.
    const FULL: u64 = 10_000 * 4 * KIB;
    let footprint = Footprint::new().await;
    for _ in 0..TIMES {
        // Its end is not waited for.
        Peer::connect(footprint.address()).await.unwrap();
    }
    footprint.is_free_of_peers().await;
    let peak = footprint.peak();
    println!("a storm of {TIMES} connections: {} KiB in all", peak / KIB);
    assert!(peak < FULL + SLACK, "{peak} bytes");
}
