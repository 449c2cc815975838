//! Bounds: what is in flight, and what a peer leaves unread.

use std::time::Duration;

use spoa_actors::{
    Limits, Message,
    spop::{Frame, Messages},
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use crate::support::{Result, ask_big, ask_big_later, ask_score, ask_sleep, registry, stop, until};

/// A connection whose stream takes more than the agent's own output buffer.
async fn wide(agent: &InMemoryAgent) -> Result<FakeHaproxy<DuplexStream>> {
    let (ours, theirs) = duplex(8 << 20);
    agent.adopt(theirs);
    FakeHaproxy::over(ours).await
}

/// A connection that has asked for more than its stream takes, and reads nothing.
async fn unread() -> Result<(InMemoryAgent, FakeHaproxy)> {
    tokio::time::pause();
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..20 {
        haproxy.send_notify(ask_big(16_000)).await?;
    }
    Ok((agent, haproxy))
}

#[actix_rt::test]
async fn at_the_bound_of_what_is_in_flight_reading_stops_until_something_is_answered() -> Result {
    tokio::time::pause();
    let limits = Limits::default().messages_per_connection(4);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..10 {
        haproxy.send_notify(ask_sleep(100)).await?;
    }
    haproxy.send_notify(ask_score()).await?;
    let mut most = 0;
    let mut order = Vec::new();
    for _ in 0..11 {
        order.push(haproxy.ack().await?.actions.to_string());
        most = most.max(agent.statistics().await.notifies_in_flight);
    }
    // Two times four had to be answered before the last three were read.
    let (before, after) = order.split_at(8);
    assert!(before.iter().all(|answer| answer == "set-var txn.slept 100"), "{order:?}");
    assert!(after.contains(&"set-var sess.ip_score 20".to_owned()), "{order:?}");
    assert!(most <= 4, "{most}");
    Ok(())
}

#[actix_rt::test]
async fn checklist_38_a_peer_that_does_not_read_is_not_read() -> Result {
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    // Each asks for 16 KB: together 160 MB that nobody reads.
    let asking = async {
        for _ in 0..10_000 {
            haproxy.send_notify(ask_big(16_000)).await?;
        }
        Result::Ok(())
    };
    let unread = tokio::time::timeout(Duration::from_millis(300), asking).await;
    assert!(unread.is_err(), "the agent took all 10,000");
    let statistics = agent.statistics().await;
    let waiting = statistics.acks * 16_000 - statistics.bytes_out;
    let bound = Limits::default().output_buffer as u64 + 2 * 16_380;
    assert!(waiting <= bound, "{waiting} bytes wait for the peer");
    // It is not forgotten either: what was asked is answered once it reads.
    for _ in 0..statistics.acks {
        haproxy.ack().await?;
    }
    Ok(())
}

#[actix_rt::test]
async fn answers_that_come_at_one_time_all_leave_though_they_exceed_the_output_buffer() -> Result {
    tokio::time::pause();
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = wide(&agent).await?;
    for _ in 0..100 {
        haproxy.send_notify(ask_big_later(16_000, 50)).await?;
    }
    for _ in 0..100 {
        assert_eq!(haproxy.ack().await?.actions.iter().count(), 1);
    }
    let statistics = agent.statistics().await;
    assert_eq!((statistics.messages.deadline_exceeded, statistics.messages.answered), (0, 100));
    Ok(())
}

#[actix_rt::test]
async fn a_peer_that_reads_nothing_for_too_long_is_cut_off() -> Result {
    let (agent, _haproxy) = unread().await?;
    tokio::time::sleep(Limits::default().write_timeout + Duration::from_secs(1)).await;
    let statistics = agent.statistics().await;
    assert_eq!((statistics.connections_open, statistics.write_timeouts), (0, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_slow_reader_is_not_cut_off() -> Result {
    let (agent, mut haproxy) = unread().await?;
    for _ in 0..20 {
        tokio::time::sleep(Limits::default().write_timeout / 2).await;
        haproxy.ack().await?;
    }
    assert_eq!(agent.statistics().await.connections_open, 1);
    Ok(())
}

#[actix_rt::test]
async fn of_one_notify_no_more_messages_wait_than_may() -> Result {
    tokio::time::pause();
    let limits = Limits::default().messages_per_connection(512);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    let messages: Messages = (0..600).map(|_| Message::new("never")).collect();
    let actions = haproxy.notify(messages).await?;
    assert_eq!(actions.iter().count(), 600, "each leaves its fallback");
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.deadline_exceeded, outcomes.agent_overloaded), (512, 88));
    Ok(())
}

#[actix_rt::test]
async fn what_was_read_before_a_stop_is_answered_though_it_waited_for_its_turn() -> Result {
    tokio::time::pause();
    let limits = Limits::default().messages_per_connection(4);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..10 {
        haproxy.send_notify(Message::new("never")).await?;
    }
    until(&agent, |seen| seen.notifies_in_flight >= 4).await;
    let stopping = stop(&agent);
    for _ in 0..10 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.never -1");
    }
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn a_peer_that_closes_its_side_first_still_gets_all_that_is_answered_at_once() -> Result {
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..200 {
        haproxy.send_notify(ask_big(16_000)).await?;
    }
    haproxy.stream_mut().shutdown().await?;
    for _ in 0..200 {
        assert_eq!(haproxy.ack().await?.actions.iter().count(), 1);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_slow_reader_gets_all_that_was_answered_before_the_farewell() -> Result {
    let (agent, mut haproxy) = unread().await?;
    until(&agent, |seen| seen.notifies >= 16).await;
    let stopping = stop(&agent);
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        haproxy.ack().await?;
    }
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}
