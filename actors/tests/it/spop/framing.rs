//! Frames on the stream: how they are cut, joined, limited and written.

use std::{sync::mpsc::Receiver, time::Duration};

use bytes::BytesMut;
use spoa_actors::{
    Limits, Message,
    spop::{Frame, FrameCodec, FrameId, Messages, StatusCode, StreamId, Violation, WireError},
    testing::{ClientError, FakeHaproxy, InMemoryAgent},
};
use tokio::{io::duplex, time::Instant};

use crate::support::{
    Result, agent, ask_score, ask_sleep, encoded_notify, registry, stop, streams::Recorded, until,
};

/// A NOTIFY of stream 1 with one message, as bytes.
fn notify(messages: impl Into<Messages>) -> BytesMut {
    encoded_notify((StreamId(1), FrameId(1)), messages)
}

async fn fate_of(bytes: &[u8]) -> StatusCode {
    let mut haproxy = agent().await.connect().await.unwrap();
    haproxy.send_bytes(bytes).await.unwrap();
    match haproxy.receive().await {
        Ok(Frame::AgentDisconnect(disconnect)) => disconnect.status_code,
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn checklist_01_a_length_below_7_or_above_the_negotiated_size_is_refused() {
    for length in [0_u32, 1, 6] {
        assert_eq!(fate_of(&length.to_be_bytes()).await, StatusCode::INVALID, "{length}");
    }
    for length in [16381, 65_536, u32::MAX] {
        assert_eq!(fate_of(&length.to_be_bytes()).await, StatusCode::TOO_BIG, "{length}");
    }
}

#[test]
fn checklist_01_a_length_is_judged_before_anything_is_allocated() {
    let mut bytes = BytesMut::from(&u32::MAX.to_be_bytes()[..]);
    let capacity = bytes.capacity();
    let error = FrameCodec::new(16380).cut(&mut bytes).unwrap_err();
    let expected = WireError::FrameTooLarge { length: u32::MAX, limit: 16380 };
    assert_eq!(error, Violation::Wire(expected));
    assert_eq!(bytes.capacity(), capacity);
}

#[actix_rt::test]
async fn checklist_02_a_frame_may_be_cut_at_any_byte() -> Result {
    let mut haproxy = agent().await.connect().await?;
    let bytes = notify(ask_score());
    for cut in 1..bytes.len() {
        haproxy.send_bytes(&bytes[..cut]).await?;
        // The agent takes the first part before the second is there.
        tokio::task::yield_now().await;
        haproxy.send_bytes(&bytes[cut..]).await?;
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_02_many_frames_may_come_in_one_read() -> Result {
    let mut haproxy = agent().await.connect().await?;
    haproxy.send_bytes(&notify(ask_score()).repeat(500)).await?;
    for _ in 0..500 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    }
    Ok(())
}

/// A peer, and what the agent writes to it, call by call.
async fn recorded(agent: &InMemoryAgent) -> Result<(FakeHaproxy, Receiver<Vec<u8>>)> {
    let (ours, theirs) = duplex(64 * 1024);
    let (stream, writes) = Recorded::new(theirs);
    agent.adopt(stream);
    Ok((FakeHaproxy::over(ours).await?, writes))
}

#[actix_rt::test]
async fn checklist_03_hello_and_all_acks_of_a_wake_up_leave_in_one_write_each() -> Result {
    let (mut haproxy, writes) = recorded(&agent().await).await?;
    assert_eq!(writes.try_iter().count(), 1, "AGENT-HELLO");
    haproxy.send_bytes(&notify(ask_score()).repeat(64)).await?;
    for _ in 0..64 {
        haproxy.ack().await?;
    }
    assert_eq!(writes.try_iter().count(), 1, "64 ACKs");
    Ok(())
}

#[actix_rt::test]
async fn checklist_03_answers_that_come_later_at_one_time_leave_in_one_write() -> Result {
    tokio::time::pause();
    let (mut haproxy, writes) = recorded(&agent().await).await?;
    haproxy.send_bytes(&notify(ask_sleep(100)).repeat(20)).await?;
    for _ in 0..20 {
        haproxy.ack().await?;
    }
    assert_eq!(writes.try_iter().count(), 2, "AGENT-HELLO, and 20 ACKs");
    Ok(())
}

#[actix_rt::test]
async fn checklist_33_before_a_stop_acks_are_held_back_and_leave_with_the_farewell_in_one_write()
-> Result {
    tokio::time::pause();
    let agent = agent().await;
    let (mut haproxy, writes) = recorded(&agent).await?;
    haproxy.send_notify(ask_sleep(100)).await?;
    until(&agent, |seen| seen.notifies_in_flight > 0).await;
    let stopping = stop(&agent);
    // HAProxy does not know yet, and sends what it may.
    for pause in [60, 60, 60, 60] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        haproxy.send_notify(ask_score()).await?;
    }
    assert_eq!(writes.try_iter().count(), 1, "AGENT-HELLO");
    for _ in 0..5 {
        haproxy.ack().await?;
    }
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    assert_eq!(writes.try_iter().count(), 1, "all ACKs and the farewell");
    drop(haproxy);
    let seen = stopping.await.unwrap();
    assert_eq!((seen.notifies, seen.acks, seen.notifies_cancelled), (5, 5, 0));
    Ok(())
}

#[actix_rt::test]
async fn checklist_33_what_waits_behind_a_full_in_flight_set_is_answered_before_a_stop() -> Result {
    tokio::time::pause();
    let limits = Limits::default().messages_per_connection(2);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..2 {
        haproxy.send_notify(ask_sleep(300)).await?;
    }
    until(&agent, |seen| seen.notifies_in_flight >= 2).await;
    for _ in 0..5 {
        haproxy.send_notify(ask_score()).await?;
    }
    let stopping = stop(&agent);
    for _ in 0..7 {
        haproxy.ack().await?;
    }
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    drop(haproxy);
    assert_eq!(stopping.await.unwrap().acks, 7);
    Ok(())
}

#[actix_rt::test]
async fn checklist_33_a_frame_that_is_arriving_is_answered_before_a_stop() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let bytes = notify(ask_score());
    haproxy.send_bytes(&bytes[..1]).await?;
    let stopping = stop(&agent);
    for byte in &bytes[1..] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        haproxy.send_bytes(&[*byte]).await?;
    }
    assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn checklist_33_acks_are_not_held_back_for_longer_than_the_deadline() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let stopping = stop(&agent);
    let asked = Instant::now();
    let mut sent = 0;
    while asked.elapsed() < Duration::from_millis(990) {
        haproxy.send_notify(ask_score()).await?;
        sent += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    haproxy.ack().await?;
    assert!(asked.elapsed() <= Duration::from_millis(1010), "{:?}", asked.elapsed());
    let mut acks = 1;
    while let Frame::Ack(_) = haproxy.receive().await? {
        acks += 1;
    }
    assert_eq!(acks, sent);
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn checklist_05_fin_is_a_bit_of_a_big_endian_number_and_unknown_bits_are_ignored() -> Result {
    let mut haproxy = agent().await.connect().await?;
    for flags in [[0, 0, 0, 1], [0xff, 0xff, 0xff, 0xfd], [0x80, 0, 0, 5]] {
        let mut bytes = notify(ask_score());
        bytes[5..9].copy_from_slice(&flags);
        haproxy.send_bytes(&bytes).await?;
        haproxy.ack().await?;
    }
    // Little-endian: no FIN, so a fragment, and the next NOTIFY comes in the middle of it.
    let mut bytes = notify(ask_score());
    bytes[5..9].copy_from_slice(&[1, 0, 0, 0]);
    assert_eq!(fate_of(&bytes.repeat(2)).await, StatusCode::INTERLACED);
    Ok(())
}

#[actix_rt::test]
async fn a_frame_of_unknown_type_is_skipped() -> Result {
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_bytes(&[0, 0, 0, 9, 77, 0, 0, 0, 1, 5, 6, 0xff, 0xff]).await?;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    assert_eq!(agent.statistics().await.unknown_frames, 1);
    Ok(())
}

#[actix_rt::test]
async fn frames_that_only_an_agent_sends_are_refused() {
    for frame_type in [101, 102, 103] {
        let frame = [0, 0, 0, 7, frame_type, 0, 0, 0, 1, 0, 0];
        let expected = match frame_type {
            // Their mandatory keys are missing, which is found first.
            101 => StatusCode::NO_VERSION,
            _ => StatusCode::INVALID,
        };
        assert_eq!(fate_of(&frame).await, expected, "{frame_type}");
    }
}

#[actix_rt::test]
async fn messages_that_lie_about_their_size_are_refused_with_4() {
    let lies: [&[u8]; 7] = [
        b"\x06score",                           // a name longer than the frame
        b"\x05score",                           // no count of arguments
        b"\x05score\x02\x02ip\x06\x7f\0\0\x01", // two arguments announced, one there
        b"\x05score\x01\x02ip\x06\x7f\0",       // an address cut short
        b"\x05score\x01\x02ip\x08\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0ex", // a string of 2^64-1
        b"\x05score\x00\x01",                   // a trailing byte
        b"\x05score\x01\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0\x06\x7f\0\0\x01", // 11 bytes
    ];
    for payload in lies {
        let mut frame = vec![0, 0, 0, u8::try_from(7 + payload.len()).unwrap()];
        frame.extend_from_slice(&[3, 0, 0, 0, 1, 1, 1]);
        frame.extend_from_slice(payload);
        assert_eq!(fate_of(&frame).await, StatusCode::INVALID, "{}", payload.escape_ascii());
    }
}

#[actix_rt::test]
async fn checklist_40_a_reserved_type_ends_the_connection_with_4() {
    for id in 10..16 {
        let frame = [0, 0, 0, 12, 3, 0, 0, 0, 1, 1, 1, 1, b'm', 1, 0, id];
        assert_eq!(fate_of(&frame).await, StatusCode::INVALID, "{id}");
    }
}

#[actix_rt::test]
async fn what_was_asked_before_a_violation_is_answered_before_the_farewell() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.connect().await?;
    let (slow, _) = haproxy.send_notify(ask_sleep(300)).await?;
    let (fast, _) = haproxy.send_notify(ask_score()).await?;
    haproxy.send_bytes(&[0; 4]).await?;
    assert_eq!(haproxy.ack().await?.stream_id, fast);
    assert_eq!(haproxy.ack().await?.stream_id, slow);
    let error = haproxy.ack().await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected(_)), "{error}");
    Ok(())
}

#[actix_rt::test]
async fn checklist_29_names_and_strings_need_not_be_utf_8() -> Result {
    let mut haproxy = agent().await.connect().await?;
    let message = Message::new([0xff, 0xfe]).arg([0x80], &[0xc3][..]);
    assert!(haproxy.notify(message).await?.is_empty());
    Ok(())
}
