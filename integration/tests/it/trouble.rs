//! An agent that has seen every kind of trouble that a peer can make.

use std::net::SocketAddr;

use spoa_actors::spop::{Flags, FrameType};
use spoa_integration::{HttpClient, Peer, SpoaAgent, frame, hello, notify};

use crate::scene::SOON;

/// A NOTIFY whose message ends in the middle of its name.
fn cut_short() -> Vec<u8> {
    frame(FrameType::NOTIFY, Flags::FIN, 1, &[200, b'x'])
}

/// Breaks the protocol after HELLO, and waits for the agent's farewell.
pub(crate) async fn violation(agent: SocketAddr) {
    ended_by(Peer::connect(agent).await.unwrap().greet().await.unwrap(), &cut_short()).await;
}

/// Asks before it has said HELLO.
pub(crate) async fn refusal(agent: SocketAddr) {
    ended_by(Peer::connect(agent).await.unwrap(), &notify(1, "check-client-ip")).await;
}

async fn ended_by(mut peer: Peer, bytes: &[u8]) {
    peer.send(bytes).await.unwrap();
    assert_eq!(peer.receive().await.unwrap().frame_type, FrameType::AGENT_DISCONNECT);
    peer.closed().await.unwrap();
}

/// One of each kind: a violation, a HELLO refused, no HELLO, HTTP, a message that nobody knows, bad
/// arguments, a NOTIFY that is aborted, and one whose peer leaves in the middle.
pub(crate) async fn all(agent: &SpoaAgent) {
    violation(agent.address()).await;
    refusal(agent.address()).await;
    let without_versions = frame(FrameType::HAPROXY_HELLO, Flags::FIN, 0, &[]);
    ended_by(Peer::connect(agent.address()).await.unwrap(), &without_versions).await;
    let http = HttpClient::new(agent.address()).unwrap();
    assert!(http.get("/").await.is_err());
    let mut peer = Peer::connect(agent.address()).await.unwrap().greet().await.unwrap();
    for (stream_id, message) in [(1, "nobody-knows"), (2, "check-client-ip")] {
        peer.ask(stream_id, message).await.unwrap();
    }
    peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 3, &[0x05, b'a'])).await.unwrap();
    peer.send(&frame(FrameType::UNSET, Flags { fin: true, abort: true }, 3, &[])).await.unwrap();
    peer.ask(4, "check-client-ip").await.unwrap();
    peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 5, &[0x05, b'a'])).await.unwrap();
    peer.close().await.unwrap();
    let mut silent = Peer::connect(agent.address()).await.unwrap();
    silent.send(&hello()[..9]).await.unwrap();
    silent.close().await.unwrap();
    // The last of them has been seen by the agent, not only sent.
    let seen = async || agent.sample("spoa_connections").await.ok().filter(|open| *open == 0.0);
    spoa_integration::until("all troublemakers are gone", SOON, seen).await.unwrap();
}
