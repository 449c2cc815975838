//! Limits of the whole agent: what all its connections may have together.

use std::{num::NonZero, time::Duration};

use spoa_actors::{
    Agent, Limits, Message, RunningAgent,
    spop::{Flags, Fragment, Frame, FrameId, FrameType, StatusCode, StreamId},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Instant,
};

use crate::support::{Result, ask_score, farewell, registry, until};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) async fn agent(limits: Limits) -> InMemoryAgent {
    InMemoryAgent::start(registry(), limits).await.unwrap()
}

/// A fragment of a NOTIFY that goes on.
pub(crate) fn fragment(frame_type: FrameType, size: usize) -> Frame {
    let (stream_id, frame_id, flags) = (StreamId(1), FrameId(1), Flags::NONE);
    Frame::Fragment(Fragment {
        frame_type,
        flags,
        stream_id,
        frame_id,
        payload: vec![0; size].into(),
    })
}

#[actix_rt::test]
async fn checklist_10_a_connection_over_the_limit_is_told_so_late_and_closed() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().connections(2)).await;
    let mut first = agent.connect().await?;
    let second = agent.connect().await?;
    let opened = Instant::now();
    let mut third = agent.open();
    third.send(Frame::HaproxyHello(hello())).await?;
    let disconnect = farewell(&mut third).await?;
    assert_eq!(disconnect.status_code, StatusCode::NO_RESOURCE);
    assert!(disconnect.message.contains("connections"), "{}", disconnect.message);
    assert!(opened.elapsed() >= Limits::default().refusal_delay, "{:?}", opened.elapsed());
    assert_eq!(first.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");

    drop(second);
    until(&agent, |seen| seen.connections_open == 1).await;
    agent.connect().await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_accepted, seen.connections_refused), (3, 1));
    assert_eq!(seen.disconnects_sent.of(StatusCode::NO_RESOURCE), 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_09_a_healthcheck_over_the_limit_is_answered_at_once() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().connections(1)).await;
    let _open = agent.connect().await?;
    // Those that are refused do not keep it waiting.
    let _refused: Vec<_> = (0..100).map(|_| agent.open()).collect();
    let opened = Instant::now();
    agent.open().healthcheck().await?;
    assert!(opened.elapsed() < Limits::default().refusal_delay, "{:?}", opened.elapsed());
    until(&agent, |seen| seen.excess_connections == 100).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.healthchecks, seen.connections_open, seen.connections_refused), (1, 1, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_silent_connection_over_the_limit_leaves_its_place_after_a_second() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().connections(1)).await;
    let _open = agent.connect().await?;
    let (mut silent, opened) = (agent.open(), Instant::now());
    assert_eq!(farewell(&mut silent).await?.status_code, StatusCode::NO_RESOURCE);
    let patience = SECOND..SECOND + 2 * Limits::default().refusal_delay;
    assert!(patience.contains(&opened.elapsed()), "{:?}", opened.elapsed());
    drop(silent);
    until(&agent, |seen| seen.excess_connections == 0).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_refused, seen.hellos_refused), (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn all_arbiters_and_listeners_count_their_connections_together() -> Result {
    let limits = Limits::default().connections(3);
    let agent = Agent::bind("127.0.0.1:0")?.listen("127.0.0.1:0")?.limits(limits);
    let agent = agent.arbiters(NonZero::new(2).unwrap()).start(registry()).await?;
    let open = async |nth: usize| TcpStream::connect(agent.local_addresses()[nth % 2]).await;
    let mut taken = Vec::new();
    for nth in 0..3 {
        taken.push(FakeHaproxy::over(open(nth).await?).await?);
    }
    for nth in 3..6 {
        let mut refused = FakeHaproxy::new(open(nth).await?);
        refused.send(Frame::HaproxyHello(hello())).await?;
        let refused = farewell(&mut refused).await?;
        assert_eq!(refused.status_code, StatusCode::NO_RESOURCE);
    }
    for mut haproxy in taken {
        haproxy.notify(ask_score()).await?;
    }
    let seen = agent.stop().await;
    assert_eq!((seen.connections_accepted, seen.connections_refused), (3, 3));
    Ok(())
}

/// Asks what is never answered, and waits for nothing.
async fn ask_in_vain<S>(haproxy: &mut FakeHaproxy<S>, times: usize) -> Result
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..times {
        haproxy.send_notify(Message::new("never")).await?;
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_37_at_the_bound_of_the_agent_messages_get_their_fallbacks_at_once() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().messages(4)).await;
    let (mut one, mut other) = (agent.connect().await?, agent.connect().await?);
    let asked = Instant::now();
    // Three wait; of the next NOTIFY one message waits, and one does not.
    ask_in_vain(&mut one, 3).await?;
    one.send_notify([Message::new("never"), Message::new("fail")]).await?;
    until(&agent, |seen| seen.notifies_in_flight == 4).await;
    for name in ["never", "fail"] {
        let actions = other.notify(Message::new(name)).await?;
        assert_eq!(actions.to_string(), format!("set-var txn.{name} -1"));
    }
    assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.agent_overloaded, outcomes.failed, outcomes.deadline_exceeded), (3, 0, 0));

    // What was answered late makes room, and so does what is cancelled.
    for _ in 0..4 {
        one.ack().await?;
    }
    ask_in_vain(&mut other, 4).await?;
    until(&agent, |seen| seen.notifies_in_flight == 4).await;
    drop(other);
    until(&agent, |seen| seen.notifies_cancelled == 4).await;
    assert_eq!(one.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.agent_overloaded, outcomes.deadline_exceeded), (3, 4));
    Ok(())
}

/// Waits until so many NOTIFYs are in flight.
async fn in_flight(agent: &RunningAgent, count: u64) {
    for _ in 0..100_000 {
        if agent.statistics().await.notifies_in_flight == count {
            return;
        }
    }
    panic!("not {count} in flight: {:?}", agent.statistics().await);
}

#[actix_rt::test]
async fn checklist_37_the_bound_counts_over_all_arbiters() -> Result {
    let deadline = 60 * SECOND;
    let limits = Limits::default().messages(4).deadline(deadline);
    let agent = Agent::bind("127.0.0.1:0")?.limits(limits).arbiters(NonZero::new(2).unwrap());
    let agent = agent.start(registry()).await?;
    let connect = async || {
        let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
        FakeHaproxy::over(stream).await
    };
    // They are handed to the arbiters in turn.
    let (mut one, mut other) = (connect().await?, connect().await?);
    ask_in_vain(&mut one, 4).await?;
    in_flight(&agent, 4).await;
    assert!(other.notify(ask_score()).await?.is_empty(), "it is not even asked");
    assert_eq!(agent.statistics().await.messages.agent_overloaded, 1);
    drop(one);
    in_flight(&agent, 0).await;
    assert_eq!(other.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    Ok(())
}
