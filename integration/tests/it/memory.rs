//! What an agent keeps for its peers is what it accounts for, and no more than `Limits::memory`.

use std::time::Duration;

use spoa_integration::{Peer, notify, notify_with};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::footprint::{Footprint, KIB, MIB};

/// `Limits::memory` of the agent.
const MEMORY: u64 = 32 * MIB;
/// What may come beyond it: as much of each connection as one wake-up takes, arenas, lent buffers.
const SLACK: u64 = 8 * MIB;
const PEERS: u64 = 4;
/// Enough to fill whatever there is, and to pass a few deadlines.
const FLOOD: Duration = Duration::from_millis(2500);

/// Peers that send this again and again, and read nothing; says how much the agent grew by.
async fn flood(max_frame_size: u32, first: Vec<u8>, again: Vec<u8>) -> u64 {
    let footprint = Footprint::new().await;
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let peer = Peer::connect(footprint.address()).await.unwrap();
        let mut peer = peer.greet_with(max_frame_size).await.unwrap();
        let (first, again) = (first.clone(), again.clone());
        peers.spawn(async move {
            let sending = async {
                let mut sent = peer.send(&first).await;
                while sent.is_ok() {
                    sent = peer.send(&again).await;
                }
            };
            // It may be closed before, or let wait.
            let _ = timeout(FLOOD, sending).await;
        });
    }
    peers.join_all().await;
    let peak = footprint.peak();
    println!("{PEERS} peers: {} KiB", peak / KIB);
    footprint.is_free_of_peers().await;
    peak
}

#[tokio::test]
async fn bodies_for_a_handler_that_never_answers_wait_with_the_peer_when_memory_is_used_up() {
    for message in ["keep", "keep-text"] {
        let question = notify_with(1, message, &"x".repeat(16_000));
        let peak = flood(16_380, Vec::new(), question).await;
        assert!(peak < MEMORY + SLACK, "{message}: {peak} bytes");
    }
}

#[tokio::test]
async fn a_body_in_flight_keeps_nothing_of_what_came_beside_it() {
    let kept = notify_with(1, "keep", &"x".repeat(8200));
    let beside = notify_with(1, "unknown", &"x".repeat(8100)).repeat(7);
    let peak = flood(16_380, Vec::new(), [kept, beside].concat()).await;
    assert!(peak < MEMORY + SLACK, "{peak} bytes");
}

#[tokio::test]
async fn half_a_frame_keeps_nothing_of_those_that_came_before_it() {
    const PEERS: u64 = 60;
    /// Half a frame, and the room for the rest of it.
    const EACH: u64 = 128 * KIB;
    let footprint = Footprint::new().await;
    let before = notify_with(1, "unknown", &"x".repeat(1_000_000));
    let half = &notify_with(3, "unknown", &"x".repeat(100_000))[..20_000];
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let peer = Peer::connect(footprint.address()).await.unwrap();
        let mut peer = peer.greet_with(1 << 20).await.unwrap();
        peer.send(&[&before, half].concat()).await.unwrap();
        peer.receive().await.unwrap();
        peers.push(peer);
    }
    let growth = footprint.growth();
    println!("{PEERS} halves: {} KiB each", growth / KIB / PEERS);
    assert!(growth < PEERS * EACH + SLACK, "{growth} bytes");
    drop(peers);
    footprint.is_free_of_peers().await;
}

#[tokio::test]
async fn small_questions_for_a_handler_that_never_answers_cost_what_is_accounted_for() {
    let peak = flood(16_380, Vec::new(), notify(1, "keep").repeat(100)).await;
    assert!(peak < MEMORY + SLACK, "{peak} bytes");
}
