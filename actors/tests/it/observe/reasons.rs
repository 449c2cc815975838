//! Refusals and violations, counted by their reason.

use std::time::Duration;

use spoa_actors::{
    Limits,
    observe::Statistics,
    spop::{
        Disconnect, Flags, Fragment, Frame, FrameId, FrameType, HaproxyHello, StatusCode, StreamId,
    },
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::time::sleep;

use crate::support::{Result, agent, ask_sleep, registry, stop, until};

fn refusals(seen: &Statistics) -> Vec<(&'static str, u64)> {
    seen.hello_refusals.iter().collect()
}

fn violations(seen: &Statistics) -> Vec<(&'static str, u64)> {
    seen.violations.iter().collect()
}

/// HELLO with `payload`, or another frame that is whole.
fn frame(frame_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(7 + payload.len()).unwrap().to_be_bytes().to_vec();
    frame.extend([frame_type, 0, 0, 0, 1, 0, 0]);
    frame.extend(payload);
    frame
}

#[actix_rt::test]
async fn a_hello_that_is_refused_is_counted_by_the_reason() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut refused: Vec<FakeHaproxy> = Vec::new();
    for bytes in [
        vec![0, 0, 0, 1],
        vec![0, 200, 0, 0],
        frame(1, b""),
        frame(1, b"\x01a"),
        frame(3, b""),
        frame(1, b""),
    ] {
        let mut haproxy = agent.open();
        haproxy.send_bytes(&bytes).await?;
        refused.push(haproxy);
    }
    for hello in [
        HaproxyHello { supported_versions: "1.0".to_owned(), ..hello() },
        HaproxyHello { max_frame_size: 100, ..hello() },
    ] {
        let mut haproxy = agent.open();
        haproxy.send(Frame::HaproxyHello(hello)).await?;
        refused.push(haproxy);
    }
    refused.push(agent.open());
    sleep(Limits::default().hello_timeout + Duration::from_secs(1)).await;
    let seen = agent.statistics().await;
    let expected = [
        ("bad_frame_size", 1),
        ("frame_too_large", 1),
        ("frame_too_short", 1),
        ("hello_timeout", 1),
        ("missing_key", 2),
        ("truncated", 1),
        ("unexpected_frame", 1),
        ("unsupported_version", 1),
    ];
    assert_eq!(refusals(&seen), expected);
    assert_eq!((seen.hellos_refused, violations(&seen)), (9, vec![]));
    Ok(())
}

#[actix_rt::test]
async fn what_breaks_the_protocol_after_hello_is_counted_by_the_reason() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let fragment = |frame_type| {
        let (stream_id, frame_id) = (StreamId(1), FrameId(1));
        let payload = vec![0; 10].into();
        Frame::Fragment(Fragment { frame_type, flags: Flags::NONE, stream_id, frame_id, payload })
    };
    let mut ended = Vec::new();
    for frames in [
        vec![Frame::HaproxyHello(hello())],
        vec![fragment(FrameType::UNSET)],
        vec![fragment(FrameType::NOTIFY), fragment(FrameType::NOTIFY)],
        vec![fragment(FrameType::NOTIFY)],
    ] {
        let mut haproxy = agent.connect().await?;
        for frame in frames {
            haproxy.send(frame).await?;
        }
        ended.push(haproxy);
    }
    for bytes in [frame(3, b"\x05ab"), frame(3, b"\x01a\x01\x01b\x0f"), vec![0, 0x20, 0, 0]] {
        let mut haproxy = agent.connect().await?;
        haproxy.send_bytes(&bytes).await?;
        ended.push(haproxy);
    }
    sleep(Limits::default().read_timeout + Duration::from_secs(1)).await;
    let seen = agent.statistics().await;
    let expected = [
        ("frame_too_large", 1),
        ("interlaced_fragments", 1),
        ("length_beyond_frame", 1),
        ("read_timeout", 1),
        ("reserved_type", 1),
        ("unexpected_frame", 1),
        ("unknown_fragment", 1),
    ];
    assert_eq!(violations(&seen), expected);
    // Whoever reads it is told which limit it was.
    let advices: Vec<_> = agent
        .observer()
        .status(0)
        .await
        .violations
        .into_iter()
        .map(|past| (past.reason, past.advice))
        .collect();
    for (reason, limit) in
        [("read_timeout", "Limits::read_timeout"), ("frame_too_large", "Limits::max_frame_size")]
    {
        let advice = &advices.iter().find(|(of, _)| *of == reason).unwrap().1;
        assert!(advice.ends_with(&format!(" or raise {limit}")), "{advice}");
    }
    assert_eq!((seen.hellos_refused, refusals(&seen)), (0, vec![]));
    Ok(())
}

#[actix_rt::test]
async fn what_breaks_the_protocol_while_the_agent_stops_is_counted_too() -> Result {
    tokio::time::pause();
    let limits = Limits::default().messages_per_connection(1);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    // What comes behind the first is not looked at before that is answered.
    haproxy.send_notify(ask_sleep(500)).await?;
    haproxy.send(Frame::HaproxyHello(hello())).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    haproxy.ack().await?;
    drop(haproxy);
    let seen = stopping.await.unwrap();
    assert_eq!(violations(&seen), [("unexpected_frame", 1)]);
    Ok(())
}

#[actix_rt::test]
async fn a_frame_whose_end_does_not_come_is_counted() -> Result {
    let agent = agent().await;
    for bytes in [&b"\0\0"[..], b"\0\0\0\x20\x03", b""] {
        agent.connect().await?.send_bytes(bytes).await?;
    }
    let mut haproxy = agent.connect().await?;
    haproxy.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))).await?;
    haproxy.receive().await?;
    drop(haproxy);
    until(&agent, |seen| seen.connections_accepted == 4 && seen.connections_open == 0).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.frames_truncated, violations(&seen)), (2, vec![]));
    Ok(())
}
