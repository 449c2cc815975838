//! Fragments: of a NOTIFY, as HAProxy up to 3.0 sends them, and of an ACK for a peer that takes them.

use spoa_actors::{
    Actions, Limits, Message, Registry, Route, Scope, TypedData,
    spop::{
        Capabilities, Flags, Fragment, Frame, FrameId, FrameType, HaproxyHello, StatusCode,
        StreamId,
    },
    testing::{FakeHaproxy, InMemoryAgent, hello},
};

use crate::support::{Result, ask_big, ask_score};

const ABORT: Flags = Flags { fin: true, abort: true };

fn registry() -> Registry {
    crate::support::registry().on(
        "length",
        Route::new(|message: Message| {
            let body = message.get("body").and_then(|body| body.as_bytes()).unwrap_or_default();
            Actions::new().set_var(Scope::Transaction, "length", body.len() as u64)
        }),
    )
}

async fn agent(max_reassembled_size: usize) -> InMemoryAgent {
    let limits = Limits::default().max_reassembled_size(max_reassembled_size);
    InMemoryAgent::start(registry(), limits).await.unwrap()
}

fn fragment(frame_type: FrameType, stream: u64, flags: Flags, payload: &[u8]) -> Frame {
    let (stream_id, frame_id) = (StreamId(stream), FrameId(1));
    let payload = payload.to_vec().into();
    Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload })
}

fn body(length: usize) -> Message {
    Message::new("length").arg("body", TypedData::Binary(&vec![7; length]))
}

/// Sends a message in fragments of `size` bytes.
async fn send(haproxy: &mut FakeHaproxy, stream: u64, message: &Message, size: usize) -> Result {
    let mut frame_type = FrameType::NOTIFY;
    let mut pieces = message.as_bytes().chunks(size).peekable();
    while let Some(piece) = pieces.next() {
        let flags = Flags { fin: pieces.peek().is_none(), abort: false };
        haproxy.send(fragment(frame_type, stream, flags, piece)).await?;
        frame_type = FrameType::UNSET;
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_21_a_notify_in_fragments_is_put_together_and_answered_once() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = agent.connect().await?;
    for (stream, size) in [(0, 16_000), (2, 1000), (4, 1)] {
        send(&mut haproxy, stream, &body(30_000), size).await?;
        let ack = haproxy.ack().await?;
        assert_eq!(ack.stream_id, StreamId(stream));
        assert_eq!(ack.actions.to_string(), "set-var txn.length 30000");
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_21_a_notify_that_haproxy_gives_up_is_dropped_without_an_ack() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = agent.connect().await?;
    haproxy.send(fragment(FrameType::NOTIFY, 1, Flags::NONE, b"\x06len")).await?;
    haproxy.send(fragment(FrameType::UNSET, 1, Flags::NONE, b"gth")).await?;
    haproxy.send(fragment(FrameType::UNSET, 1, ABORT, b"")).await?;
    send(&mut haproxy, 3, &body(10), 5).await?;
    assert_eq!(haproxy.ack().await?.stream_id, StreamId(3));
    let statistics = agent.statistics().await;
    assert_eq!((statistics.notifies_aborted, statistics.notifies, statistics.acks), (1, 1, 1));
    Ok(())
}

#[actix_rt::test]
async fn checklist_22_over_the_cap_the_rest_is_drained_and_the_notify_answered() -> Result {
    let agent = agent(20_000).await;
    let mut haproxy = agent.connect().await?;
    send(&mut haproxy, 1, &body(30_000), 7000).await?;
    let ack = haproxy.ack().await?;
    assert!(ack.stream_id == StreamId(1) && ack.actions.is_empty());
    send(&mut haproxy, 3, &body(19_000), 7000).await?;
    assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.length 19000");
    assert_eq!(agent.statistics().await.notifies_too_large, 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_22_over_the_cap_the_fallbacks_of_the_messages_that_had_begun_are_sent() -> Result
{
    let agent = agent(20_000).await;
    let mut haproxy = agent.connect().await?;
    let pieces = [Message::new("fail"), Message::new("nobody"), Message::new("never").arg("x", 1)];
    let mut bytes = pieces.iter().flat_map(Message::as_bytes).copied().collect::<Vec<_>>();
    bytes.extend_from_slice(Message::new("panic").arg("body", vec![7; 30_000]).as_bytes());
    bytes.extend_from_slice(Message::new("fail").as_bytes());
    haproxy.send(fragment(FrameType::NOTIFY, 1, Flags::NONE, &bytes[..16_000])).await?;
    haproxy.send(fragment(FrameType::UNSET, 1, Flags::FIN, &bytes[16_000..])).await?;
    let actions = haproxy.ack().await?.actions.to_string();
    assert_eq!(actions, "set-var txn.fail -1, set-var txn.never -1, set-var txn.panic -1");
    assert_eq!(agent.statistics().await.messages.too_large, 3);
    Ok(())
}

#[actix_rt::test]
async fn checklist_22_a_notify_of_one_frame_is_not_held_to_the_cap_of_fragments() -> Result {
    let agent = agent(100).await;
    let mut haproxy = agent.connect().await?;
    let actions = haproxy.notify(body(10_000)).await?;
    assert_eq!(actions.to_string(), "set-var txn.length 10000");
    Ok(())
}

async fn fate_of(frames: impl IntoIterator<Item = Frame>) -> StatusCode {
    let mut haproxy = agent(1 << 20).await.connect().await.unwrap();
    for frame in frames {
        haproxy.send(frame).await.unwrap();
    }
    match haproxy.receive().await {
        Ok(Frame::AgentDisconnect(disconnect)) => disconnect.status_code,
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn checklist_23_a_fragment_of_another_stream_in_the_middle_is_refused_with_11() {
    let first = || fragment(FrameType::NOTIFY, 1, Flags::NONE, b"\x06len");
    let others = [
        fragment(FrameType::UNSET, 2, Flags::NONE, b"gth"),
        fragment(FrameType::NOTIFY, 1, Flags::NONE, b"gth"),
        fragment(FrameType::NOTIFY, 2, Flags::NONE, b"gth"),
        fragment(FrameType::NOTIFY, 2, Flags::FIN, b""),
    ];
    for other in others {
        assert_eq!(fate_of([first(), other]).await, StatusCode::INTERLACED);
    }
}

#[actix_rt::test]
async fn a_continuation_of_nothing_is_refused_with_12() {
    let orphan = fragment(FrameType::UNSET, 1, Flags::FIN, b"");
    assert_eq!(fate_of([orphan]).await, StatusCode::FRAME_NOT_FOUND);
}

#[actix_rt::test]
async fn fragments_that_make_no_message_are_refused_with_4() {
    let first = fragment(FrameType::NOTIFY, 1, Flags::NONE, b"\x06len");
    let last = fragment(FrameType::UNSET, 1, Flags::FIN, b"gt");
    assert_eq!(fate_of([first, last]).await, StatusCode::INVALID);
}

#[actix_rt::test]
async fn haproxy_may_disconnect_between_fragments() -> Result {
    let mut haproxy = agent(1 << 20).await.connect().await?;
    haproxy.send(fragment(FrameType::NOTIFY, 1, Flags::NONE, b"\x06len")).await?;
    assert_eq!(haproxy.disconnect().await?.status_code, StatusCode::NORMAL);
    Ok(())
}

#[actix_rt::test]
async fn checklist_24_a_haproxy_that_never_sends_fragments_is_served() -> Result {
    let mut haproxy = agent(1 << 20).await.connect().await?;
    for length in [0, 1, 1000, 16_000] {
        let actions = haproxy.notify(body(length)).await?;
        assert_eq!(actions.to_string(), format!("set-var txn.length {length}"));
    }
    Ok(())
}

async fn with_fragmentation(agent: &InMemoryAgent) -> Result<FakeHaproxy> {
    let mut haproxy = agent.open();
    let capabilities = Capabilities { fragmentation: true, ..hello().capabilities };
    haproxy.hello(HaproxyHello { capabilities, max_frame_size: 1000, ..hello() }).await?;
    Ok(haproxy)
}

#[actix_rt::test]
async fn an_ack_too_big_for_one_frame_leaves_in_fragments_if_the_peer_takes_them() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = with_fragmentation(&agent).await?;
    for n in [10, 974, 975, 976, 977, 1000, 5000, 100_000] {
        // The fake HAProxy itself refuses a frame above 1000 bytes.
        let actions = haproxy.notify(ask_big(n)).await?;
        let Some(spoa_actors::Action::SetVar { value, .. }) = actions.iter().next() else {
            panic!("{n} bytes were left out");
        };
        assert_eq!(value.as_bytes().unwrap().len() as u64, n);
    }
    assert_eq!(agent.statistics().await.actions_dropped, 0);
    Ok(())
}

#[actix_rt::test]
async fn the_fragments_of_an_ack_are_ack_then_unset_and_only_the_last_has_fin() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = with_fragmentation(&agent).await?;
    let ids = haproxy.send_notify([ask_big(2500), ask_score()]).await?;
    let mut frames = Vec::new();
    loop {
        let Frame::Fragment(fragment) = haproxy.receive().await? else { panic!() };
        assert_eq!((fragment.stream_id, fragment.frame_id), ids);
        frames.push((fragment.frame_type, fragment.flags));
        if fragment.flags.fin {
            break;
        }
    }
    let expected = [
        (FrameType::ACK, Flags::NONE),
        (FrameType::UNSET, Flags::NONE),
        (FrameType::UNSET, Flags::FIN),
    ];
    assert_eq!(frames, expected);
    Ok(())
}

#[actix_rt::test]
async fn an_ack_in_fragments_has_its_bound_too() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = with_fragmentation(&agent).await?;
    let bound = Limits::default().max_fragmented_ack as u64;
    let actions = haproxy.notify([ask_score(), ask_big(bound)]).await?;
    assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
    assert_eq!(agent.statistics().await.actions_dropped, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_peer_that_does_not_take_fragments_never_gets_one() -> Result {
    let agent = agent(1 << 20).await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(ask_big(20_000)).await?;
    let frame = haproxy.receive().await?;
    assert!(matches!(frame, Frame::Ack(_)), "{frame:?}");
    Ok(())
}
