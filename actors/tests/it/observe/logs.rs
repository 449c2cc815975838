//! The log: what there is a line about, what it says, and what there is none about.

use std::time::Duration;

use spoa_actors::{
    Limits, Listen, Message,
    spop::{
        Disconnect, Flags, Fragment, Frame, FrameId, FrameType, StatusCode, StreamId, TypedData,
    },
    testing::{InMemoryAgent, hello},
};
use tokio::{io::duplex, time::sleep};

use crate::support::{Log, Result, agent, ask_big, ask_sleep, registry, until};

#[test]
fn the_log_of_a_test_has_a_line_that_another_thread_has_said_before_to_nobody() {
    let say = || tracing::warn!("it is said in two threads");
    let log = Log::default();
    let _log = log.listen();
    std::thread::spawn(say).join().unwrap();
    say();
    assert_eq!(log.lines().len(), 1);
}

async fn all_have_ended(agent: &InMemoryAgent, count: u64) {
    until(agent, |seen| seen.connections_accepted == count && seen.connections_open == 0).await;
}

#[actix_rt::test]
async fn health_checks_and_tcp_checks_log_nothing_above_debug() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let agent = agent().await;
    agent.open().healthcheck().await?;
    drop(agent.open());
    let (ours, theirs) = duplex(1024);
    agent.adopt_on(&Listen::tcp("any").proxy_protocol(), theirs)?;
    drop(ours);
    all_have_ended(&agent, 3).await;
    assert_eq!(log.lines(), Vec::<String>::new());
    Ok(())
}

#[actix_rt::test]
async fn a_session_logs_nothing_above_debug_whichever_way_it_ends() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let agent = agent().await;
    agent.connect().await?.disconnect().await?;
    for status_code in [StatusCode::IO_ERROR, StatusCode::TIMEOUT] {
        let mut haproxy = agent.connect().await?;
        haproxy.send_notify(ask_sleep(50)).await?;
        haproxy.send(Frame::HaproxyDisconnect(Disconnect::new(status_code))).await?;
        haproxy.receive().await?;
    }
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(ask_sleep(50)).await?;
    haproxy.send_bytes(&[0, 0]).await?;
    drop(haproxy);
    all_have_ended(&agent, 4).await;
    assert_eq!(log.lines(), Vec::<String>::new());
    assert_eq!(agent.statistics().await.notifies_cancelled, 3);
    Ok(())
}

#[actix_rt::test]
async fn a_message_without_a_route_is_named_once_a_second_with_what_to_do() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        haproxy.notify(Message::new("no\nbody")).await?;
    }
    sleep(Duration::from_secs(1)).await;
    haproxy.notify(Message::new("x".repeat(1000))).await?;
    let lines = log.lines();
    assert_eq!((lines.len(), agent.statistics().await.messages_without_route), (2, 4));
    assert!(lines[0].contains("WARN") && lines[0].contains(r"spoe_message=no\nbody suppressed=0"));
    assert!(lines[0].contains(r#"routes="big, big-later, fail, never"#), "{lines:?}");
    assert!(lines[0].contains("register a handler under this name, or remove it"), "{lines:?}");
    let shortened = format!("spoe_message={}… (1000 bytes) suppressed=2", "x".repeat(64));
    assert!(lines[1].contains(&shortened), "{lines:?}");
    Ok(())
}

#[actix_rt::test]
async fn an_agent_that_is_checked_and_never_asked_says_so_once() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let (unasked, asked) = (agent().await, agent().await);
    drop(asked.connect().await?);
    for minute in 0..30 {
        assert_eq!(log.lines().len(), usize::from(minute > 10), "after {minute} minutes");
        for agent in [&unasked, &asked] {
            agent.open().healthcheck().await?;
        }
        sleep(Duration::from_mins(1)).await;
    }
    let line = &log.lines()[0];
    for part in ["WARN", "peer=memory healthchecks=11", "`send-spoe-group` rule in HAProxy's file"]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    Ok(())
}

#[actix_rt::test]
async fn what_goes_wrong_with_a_frame_is_one_line_that_names_the_peer_the_cause_and_the_advice()
-> Result {
    tokio::time::pause();
    let text = "invalid \"frame\"\nreceived";
    let complaint = Disconnect { status_code: StatusCode::INVALID, message: text.into() };
    let cases = [
        (Frame::Unknown(FrameType(9)), "frame_type=9", "if HAProxy sent it, report it"),
        (Frame::HaproxyDisconnect(complaint), r#"invalid \"frame\"\nreceived"#, "report it"),
        (Frame::HaproxyHello(hello()), "status_code=4", "report it with both versions"),
    ];
    for (frame, cause, advice) in cases {
        let log = Log::default();
        let _log = log.listen();
        let agent = agent().await;
        let mut haproxy = agent.connect().await?;
        haproxy.send(frame).await?;
        drop(haproxy);
        all_have_ended(&agent, 1).await;
        let lines = log.lines();
        assert!(lines.len() == 1 && lines[0].contains("WARN"), "{lines:?}");
        for part in ["peer=memory engine_id=7c9f9a7e", "suppressed=0", cause, advice] {
            assert!(lines[0].contains(part), "{part} is not in {lines:?}");
        }
    }
    Ok(())
}

#[actix_rt::test]
async fn actions_that_are_dropped_and_notifies_that_are_not_read_name_their_connection() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let limits = Limits::default().max_reassembled_size(100);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(ask_big(20_000)).await?;
    let message = Message::new("score").arg("body", TypedData::Binary(&[7; 200]));
    let (first, rest) = message.as_bytes().split_at(150);
    for (frame_type, fin, piece) in
        [(FrameType::NOTIFY, false, first), (FrameType::UNSET, true, rest)]
    {
        let (flags, payload) = (Flags { fin, abort: false }, piece.to_vec().into());
        let (stream_id, frame_id) = (StreamId(7), FrameId(1));
        haproxy
            .send(Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload }))
            .await?;
    }
    haproxy.ack().await?;
    let lines = log.lines();
    let find = |what: &str| lines.iter().find(|line| line.contains(what)).unwrap();
    for line in [find("ACK size limit reached"), find("NOTIFY size limit reached")] {
        assert!(line.contains("peer=memory engine_id=7c9f9a7e"), "{line}");
        assert!(line.contains("raise"), "{line}");
    }
    assert!(find("NOTIFY size limit reached").contains("stream_id=7 frame_id=1 limit=100"));
    Ok(())
}
