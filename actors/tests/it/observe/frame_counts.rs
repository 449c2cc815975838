//! Frames and bytes by type, both ways.

use bytes::BytesMut;
use spoa_actors::{
    Limits, Message,
    observe::FrameCounts,
    spop::{
        Capabilities, Disconnect, Flags, Fragment, Frame, FrameId, FrameType, HaproxyHello,
        Messages, Notify, StatusCode, StreamId,
    },
    testing::{InMemoryAgent, hello},
};

use crate::support::{Result, agent, ask_big, ask_score, registry, until};

/// The frames of each type that occurred, and their bytes.
fn counts(counts: &FrameCounts) -> Vec<(&'static str, u64, u64)> {
    let occurred = counts.iter().filter(|(_, count)| count.frames > 0);
    occurred.map(|(label, count)| (label, count.frames, count.bytes)).collect()
}

fn size(frame: &Frame) -> u64 {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.len() as u64
}

fn bytes(counts: &FrameCounts) -> u64 {
    counts.iter().map(|(_, count)| count.bytes).sum()
}

fn notify(stream_id: u64, messages: impl Into<Messages>) -> Frame {
    let (stream_id, frame_id) = (StreamId(stream_id), FrameId(1));
    Frame::Notify(Notify { stream_id, frame_id, messages: messages.into() })
}

#[actix_rt::test]
async fn a_short_conversation_is_counted_to_the_byte() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.open();
    let ours = haproxy.hello(hello()).await?;
    let mut acks = 0;
    let notifies =
        [notify(1, ask_score()), notify(2, Message::new("never")), notify(300, ask_big(9))];
    for notify in &notifies {
        haproxy.send(notify.clone()).await?;
        acks += size(&Frame::Ack(haproxy.ack().await?));
    }
    let unknown = Frame::Unknown(FrameType(42));
    haproxy.send(unknown.clone()).await?;
    let goodbye = Disconnect::new(StatusCode::NORMAL);
    let theirs = haproxy.disconnect().await?;
    until(&agent, |seen| seen.connections_open == 0).await;
    let seen = agent.statistics().await;
    let expected = [
        ("haproxy-hello", 1, size(&Frame::HaproxyHello(hello()))),
        ("haproxy-disconnect", 1, size(&Frame::HaproxyDisconnect(goodbye))),
        ("notify", 3, notifies.iter().map(size).sum()),
        ("unknown", 1, size(&unknown)),
    ];
    assert_eq!(counts(&seen.frames_received), expected);
    let expected = [
        ("agent-hello", 1, size(&Frame::AgentHello(ours))),
        ("agent-disconnect", 1, size(&Frame::AgentDisconnect(theirs))),
        ("ack", 3, acks),
    ];
    assert_eq!(counts(&seen.frames_sent), expected);
    assert_eq!(
        (seen.bytes_in, seen.bytes_out),
        (bytes(&seen.frames_received), bytes(&seen.frames_sent))
    );
    assert_eq!(seen.frames_received.of(FrameType::NOTIFY).frames, seen.notifies);
    Ok(())
}

#[actix_rt::test]
async fn fragments_are_counted_each_the_first_by_its_type_and_the_others_as_unset() -> Result {
    let agent = agent().await;
    let mut haproxy = agent.open();
    let capabilities = Capabilities { fragmentation: true, ..hello().capabilities };
    haproxy.hello(HaproxyHello { max_frame_size: 256, capabilities, ..hello() }).await?;
    let message = ask_big(1000);
    for (index, piece) in message.as_bytes().chunks(4).enumerate() {
        let is_last = 4 * (index + 1) >= message.as_bytes().len();
        let flags = Flags { fin: is_last, abort: false };
        let frame_type = if index == 0 { FrameType::NOTIFY } else { FrameType::UNSET };
        let (stream_id, frame_id, payload) = (StreamId(1), FrameId(1), piece.to_vec().into());
        haproxy
            .send(Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload }))
            .await?;
    }
    haproxy.ack().await?;
    let seen = agent.statistics().await;
    let continuations = (message.as_bytes().len() as u64).div_ceil(4) - 1;
    assert!(continuations > 1);
    assert_eq!(seen.frames_received.of(FrameType::NOTIFY).frames, 1);
    assert_eq!(seen.frames_received.of(FrameType::UNSET).frames, continuations);
    assert_eq!((seen.notifies, seen.fragments, seen.acks), (1, continuations + 1, 1));
    assert_eq!(seen.bytes_in, bytes(&seen.frames_received));
    // 1,000 bytes and some more, in frames of 256 and one that is shorter.
    assert_eq!(seen.frames_sent.of(FrameType::ACK).frames, 1);
    assert_eq!(seen.frames_sent.of(FrameType::ACK).bytes, 260);
    assert_eq!(seen.frames_sent.of(FrameType::UNSET).frames, 4);
    assert_eq!(seen.bytes_out, bytes(&seen.frames_sent));
    Ok(())
}

#[actix_rt::test]
async fn the_farewell_to_a_connection_that_finds_no_place_is_a_frame_too() -> Result {
    tokio::time::pause();
    let limits = Limits::default().connections(1);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let _first = agent.connect().await?;
    let mut second = agent.open();
    let farewell = second.receive().await?;
    let seen = agent.statistics().await;
    let sent = seen.frames_sent.of(FrameType::AGENT_DISCONNECT);
    assert_eq!((sent.frames, sent.bytes), (1, size(&farewell)));
    Ok(())
}

#[actix_rt::test]
async fn a_health_check_is_a_hello_each_way() -> Result {
    let agent = agent().await;
    agent.open().healthcheck().await?;
    let seen = agent.statistics().await;
    assert_eq!(seen.frames_received.of(FrameType::HAPROXY_HELLO).frames, 1);
    assert_eq!(seen.frames_sent.of(FrameType::AGENT_HELLO).frames, 1);
    Ok(())
}
