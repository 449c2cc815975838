//! What is skipped because it is not known, and what is refused because it cannot be.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use spoa_actors::{
    Actions, BoxError, Limits, Message, Route, TypedData,
    spop::{Flags, Fragment, Frame, FrameId, FrameType, StatusCode, StreamId},
    testing::{FakeHaproxy, InMemoryAgent},
};

use crate::support::{Result, ask_score, registry};

/// An agent, and word of each call of its handler `told`.
async fn telling() -> Result<(InMemoryAgent, Receiver<()>)> {
    let (calls, told) = channel();
    let route = Route::new(move |(): ()| {
        let _ = calls.send(());
        Ok::<_, BoxError>(Actions::new())
    });
    let registry = registry().on("told", route);
    Ok((InMemoryAgent::start(registry, Limits::default()).await?, told))
}

/// A whole frame with ids of one byte around `payload`.
fn framed(frame_type: FrameType, id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(7 + payload.len()).unwrap().to_be_bytes();
    [&length[..], &[frame_type.0, 0, 0, 0, 1, id, id], payload].concat()
}

/// Waits for the farewell; no ACK may come before it.
async fn refused(mut haproxy: FakeHaproxy) -> Result<StatusCode> {
    match haproxy.receive().await? {
        Frame::AgentDisconnect(disconnect) => Ok(disconnect.status_code),
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn checklist_39_an_unknown_message_is_skipped_by_its_count_whatever_its_arguments_are()
-> Result {
    // Their bytes look like messages, counts and lengths.
    let values = [
        TypedData::Null,
        TypedData::Bool(true),
        TypedData::Int32(-1),
        TypedData::Uint32(u32::MAX),
        TypedData::Int64(i64::MIN),
        TypedData::Uint64(u64::MAX),
        TypedData::Ipv4([5, 115, 99, 111].into()),
        TypedData::Ipv6([0x0573, 0x636f, 0x7265, 1, 2, 3, 4, 5].into()),
        TypedData::String(b"\x05score\x00"),
        TypedData::Binary(b"\x05score\x01\x02ip"),
    ];
    let names = ["", "a", "ip", "\u{5}score", "a"];
    let unknown = |count| {
        let args = names.iter().cycle().zip(values.iter().cycle()).take(count);
        args.fold(Message::new("nobody"), |message, (name, value)| message.arg(name, *value))
    };
    let (agent, _) = telling().await?;
    let mut haproxy = agent.connect().await?;
    for count in [0, 1, 9, 10, 128, 255] {
        let actions = haproxy.notify([unknown(count), ask_score(), unknown(count)]).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 20", "{count} arguments");
    }
    assert_eq!(agent.statistics().await.messages_without_route, 12);
    Ok(())
}

#[actix_rt::test]
async fn checklist_40_nothing_of_a_frame_with_a_reserved_type_is_answered_or_called() -> Result {
    let (agent, told) = telling().await?;
    for id in 10..16 {
        let haproxy = {
            let mut haproxy = agent.connect().await?;
            // A message that is well, and one that is not.
            let payload = [b"\x04told\x00\x04told\x02\x01a\x01\x01b", &[id][..]].concat();
            haproxy.send_bytes(&framed(FrameType::NOTIFY, 1, &payload)).await?;
            haproxy
        };
        assert_eq!(refused(haproxy).await?, StatusCode::INVALID, "{id}");
    }
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks), (0, 0));
    assert_eq!(seen.disconnects_sent.of(StatusCode::INVALID), 6);
    Ok(())
}

#[actix_rt::test]
async fn checklist_40_a_reserved_type_in_a_fragmented_notify_is_refused_with_4() -> Result {
    let (agent, told) = telling().await?;
    let mut haproxy = agent.connect().await?;
    let payload = b"\x04told\x00\x04told\x01\x01a\x0a";
    let (front, back) = payload.split_at(payload.len() - 1);
    let pieces = [(FrameType::NOTIFY, Flags::NONE, front), (FrameType::UNSET, Flags::FIN, back)];
    for (frame_type, flags, piece) in pieces {
        let (stream_id, frame_id) = (StreamId(1), FrameId(1));
        let payload = piece.to_vec().into();
        let fragment = Fragment { frame_type, flags, stream_id, frame_id, payload };
        haproxy.send(Frame::Fragment(fragment)).await?;
    }
    assert_eq!(refused(haproxy).await?, StatusCode::INVALID);
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
    Ok(())
}

#[actix_rt::test]
async fn checklist_40_a_reserved_type_in_hello_or_disconnect_is_refused_with_4() -> Result {
    let (agent, _) = telling().await?;
    let key_of_no_meaning = b"\x05other\x0f";
    let mut hello = bytes::BytesMut::new();
    Frame::HaproxyHello(spoa_actors::testing::hello()).encode(&mut hello);
    let mut haproxy = agent.open();
    let hello = [&hello[11..], key_of_no_meaning].concat();
    haproxy.send_bytes(&framed(FrameType::HAPROXY_HELLO, 0, &hello)).await?;
    assert_eq!(refused(haproxy).await?, StatusCode::INVALID);

    let mut haproxy = agent.connect().await?;
    haproxy.send_bytes(&framed(FrameType::HAPROXY_DISCONNECT, 0, key_of_no_meaning)).await?;
    assert_eq!(refused(haproxy).await?, StatusCode::INVALID);
    Ok(())
}
