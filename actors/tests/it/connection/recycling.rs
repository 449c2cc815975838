//! How connections end that are too old.

use std::time::Duration;

use spoa_actors::{
    Limits, Message,
    spop::{Disconnect, Frame, FrameId, StatusCode, StreamId},
    status::ConnectionPhase,
    testing::{ClientError, FakeHaproxy, InMemoryAgent, hello},
};
use tokio::time::{Instant, sleep};

use crate::support::{
    Result, answer_to, ask_big, ask_score, ask_sleep, encoded_notify, farewell, registry, stop,
};

/// The deadline unless told otherwise.
const SECOND: Duration = Duration::from_secs(1);

/// Whether the one connection holds its ACKs back.
async fn is_holding(agent: &InMemoryAgent) -> bool {
    let status = agent.observer().status(1).await;
    status.connections[0].phase == ConnectionPhase::Draining
}

/// An agent whose connections live for so long, give or take a tenth.
async fn recycling(age: Duration, limits: Limits) -> InMemoryAgent {
    let limits = limits.max_connection_age(Some(age));
    InMemoryAgent::start(registry(), limits).await.unwrap()
}

/// An agent, and a connection that is too old, and idle.
async fn too_old(limits: Limits) -> Result<(InMemoryAgent, FakeHaproxy)> {
    let agent = recycling(SECOND, limits).await;
    let haproxy = agent.connect().await?;
    sleep(5 * SECOND).await;
    Ok((agent, haproxy))
}

/// An agent, and two connections that are too old; the first has been asked what is never answered, and
/// holds its ACK back, the second is idle.
async fn one_that_holds_and_one_that_is_idle() -> Result<(InMemoryAgent, FakeHaproxy, FakeHaproxy)>
{
    let agent = recycling(SECOND, Limits::default()).await;
    let (mut first, second) = (agent.connect().await?, agent.connect().await?);
    sleep(5 * SECOND).await;
    first.send_notify(Message::new("never")).await?;
    sleep(Duration::from_millis(1)).await;
    Ok((agent, first, second))
}

#[actix_rt::test]
async fn checklist_33_a_connection_that_is_too_old_answers_all_it_was_asked_and_says_farewell()
-> Result {
    tokio::time::pause();
    let age = Duration::from_secs(60);
    let agent = recycling(age, Limits::default()).await;
    let begun = Instant::now();
    let mut haproxy = agent.connect().await?.patience(2 * age);
    sleep(age * 8 / 10).await;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let (mut sent, mut answered) = (0, 0);
    while !is_holding(&agent).await {
        haproxy.send_notify(ask_sleep(500)).await?;
        sent += 1;
        sleep(Duration::from_millis(50)).await;
    }
    let asked = begun.elapsed();
    assert!((age * 9 / 10..age * 11 / 10 + Duration::from_secs(1)).contains(&asked), "{asked:?}");
    let farewell = loop {
        match haproxy.receive().await? {
            Frame::Ack(_) => answered += 1,
            other => break other,
        }
    };
    assert_eq!(farewell, Frame::AgentDisconnect(Disconnect::new(StatusCode::NORMAL)));
    assert_eq!(answered, sent);
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    let mut successor = agent.connect().await?;
    assert_eq!(successor.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    Ok(())
}

#[actix_rt::test]
async fn an_idle_connection_that_is_too_old_ends_with_what_it_is_asked_next() -> Result {
    tokio::time::pause();
    let agent = recycling(Duration::from_secs(1), Limits::default()).await;
    let mut haproxy = agent.connect().await?;
    sleep(Duration::from_secs(60)).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_open, seen.connections_expired), (1, 0));
    let asked = Instant::now();
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    farewell(&mut haproxy).await?;
    let held = asked.elapsed();
    assert!((SECOND * 2 / 5..SECOND / 2).contains(&held), "HAProxy may send more: {held:?}");
    assert_eq!(agent.statistics().await.connections_expired, 1);
    Ok(())
}

#[actix_rt::test]
async fn connections_that_began_together_do_not_end_together() -> Result {
    tokio::time::pause();
    let agent = recycling(Duration::from_secs(100), Limits::default()).await;
    let mut connections = Vec::new();
    for _ in 0..50 {
        connections.push(agent.connect().await?);
    }
    let begun = Instant::now();
    let mut recycled = Vec::new();
    // One at a time ends, two a second: all of them need half a minute.
    for seconds in [89, 100, 150] {
        while begun.elapsed() < Duration::from_secs(seconds) {
            for haproxy in &mut connections {
                // It may have ended.
                let _ = haproxy.send_notify(ask_score()).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
        recycled.push(agent.statistics().await.connections_expired);
    }
    assert!(matches!(recycled[..], [0, 5..=45, 50]), "{recycled:?}");
    Ok(())
}

#[actix_rt::test]
async fn the_age_of_a_connection_takes_nothing_from_the_time_to_say_hello() -> Result {
    tokio::time::pause();
    let agent = recycling(Duration::from_secs(1), Limits::default()).await;
    let mut late = agent.open().patience(Duration::from_secs(60));
    sleep(Duration::from_secs(5)).await;
    late.hello(hello()).await?;
    late.notify(ask_score()).await?;
    assert_eq!(farewell(&mut late).await?.status_code, StatusCode::NORMAL);
    assert_eq!(agent.statistics().await.connections_expired, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_is_recycled_has_its_time_whatever_a_stop_would_allow() -> Result {
    tokio::time::pause();
    let limits = Limits::default().shutdown_timeout(Duration::from_millis(2));
    let agent = recycling(Duration::from_secs(1), limits).await;
    let mut haproxy = agent.connect().await?;
    sleep(Duration::from_millis(850)).await;
    haproxy.send_notify(ask_sleep(900)).await?;
    sleep(Duration::from_millis(350)).await;
    assert!(is_holding(&agent).await);
    haproxy.send_notify(ask_score()).await?;
    haproxy.ack().await?;
    haproxy.ack().await?;
    farewell(&mut haproxy).await?;
    Ok(())
}

#[actix_rt::test]
async fn a_stop_hastens_the_end_of_a_connection_that_is_being_recycled() -> Result {
    tokio::time::pause();
    let limits = Limits::default().deadline(Duration::from_secs(60));
    let agent = recycling(Duration::from_secs(1), limits).await;
    let mut haproxy = agent.connect().await?.patience(Duration::from_secs(60));
    haproxy.send_notify(Message::new("never")).await?;
    haproxy.send_notify(ask_sleep(1500)).await?;
    sleep(Duration::from_millis(1300)).await;
    assert!(is_holding(&agent).await);
    let asked = Instant::now();
    let stopping = stop(&agent);
    haproxy.ack().await?;
    haproxy.ack().await?;
    farewell(&mut haproxy).await?;
    assert!(asked.elapsed() <= limits.shutdown_timeout / 2 + Duration::from_millis(10));
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn a_connection_is_not_recycled_while_its_peer_is_behind_with_its_reading() -> Result {
    tokio::time::pause();
    let agent = recycling(Duration::from_secs(1), Limits::default()).await;
    let (ours, theirs) = tokio::io::duplex(1024);
    agent.adopt(theirs);
    let mut haproxy = FakeHaproxy::over(ours).await?;
    haproxy.send_notify(ask_big(5000)).await?;
    sleep(Duration::from_secs(5)).await;
    haproxy.send_notify(ask_score()).await?;
    haproxy.ack().await?;
    haproxy.ack().await?;
    assert_eq!(agent.statistics().await.connections_expired, 0);
    haproxy.notify(ask_score()).await?;
    farewell(&mut haproxy).await?;
    assert_eq!(agent.statistics().await.connections_expired, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_haproxy_may_send_no_more_on_ends_at_once() -> Result {
    tokio::time::pause();
    for (asked, bounds) in [(19, 400..500), (20, 100..200)] {
        let (_agent, mut haproxy) = too_old(Limits::default()).await?;
        let begun = Instant::now();
        for _ in 0..asked / 2 {
            haproxy.send_notify(ask_sleep(10)).await?;
        }
        sleep(Duration::from_millis(1)).await;
        for _ in asked / 2..asked {
            haproxy.send_notify(ask_score()).await?;
        }
        for _ in 0..asked {
            haproxy.ack().await?;
        }
        farewell(&mut haproxy).await?;
        let held = begun.elapsed();
        assert!(bounds.contains(&held.as_millis()), "{asked}: {held:?}");
    }
    Ok(())
}

#[actix_rt::test]
async fn what_is_late_on_a_connection_that_is_too_old_gets_its_fallback_in_time() -> Result {
    tokio::time::pause();
    let (agent, mut haproxy) = too_old(Limits::default()).await?;
    let asked = Instant::now();
    assert_eq!(haproxy.notify(Message::new("never")).await?.to_string(), "set-var txn.never -1");
    assert!(asked.elapsed() < SECOND + Duration::from_millis(10), "{:?}", asked.elapsed());
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_open, seen.connections_expired), (1, 0), "it tries again later");
    sleep(11 * SECOND).await;
    haproxy.notify(ask_score()).await?;
    farewell(&mut haproxy).await?;
    Ok(())
}

#[actix_rt::test]
async fn no_ack_is_held_back_beyond_its_deadline_because_another_connection_had_its_turn() -> Result
{
    tokio::time::pause();
    let (_agent, first, mut second) = one_that_holds_and_one_that_is_idle().await?;
    let asked = Instant::now();
    second.send_notify(ask_sleep(900)).await?;
    sleep(Duration::from_millis(800)).await;
    second.send_notify(Message::new("never")).await?;
    sleep(Duration::from_millis(50)).await;
    drop(first);
    second.ack().await?;
    let held = asked.elapsed();
    assert!((SECOND..SECOND + Duration::from_millis(10)).contains(&held), "{held:?}");
    Ok(())
}

#[actix_rt::test]
async fn a_notify_that_has_begun_to_come_is_waited_for() -> Result {
    tokio::time::pause();
    let (_agent, mut haproxy) = too_old(Limits::default()).await?;
    haproxy.send_notify(ask_score()).await?;
    let ids = (StreamId(77), FrameId(1));
    let bytes = encoded_notify(ids, ask_score());
    let (front, back) = bytes.split_at(bytes.len() / 2);
    haproxy.send_bytes(front).await?;
    sleep(SECOND / 2).await;
    haproxy.send_bytes(back).await?;
    assert_eq!(answer_to(&mut haproxy, ids).await?, "set-var sess.ip_score 20");
    farewell(&mut haproxy).await?;
    Ok(())
}

#[actix_rt::test]
async fn what_is_due_is_not_held_back_because_the_turn_is_free_just_then() -> Result {
    tokio::time::pause();
    let (_agent, _first, mut second) = one_that_holds_and_one_that_is_idle().await?;
    let asked = Instant::now();
    second.notify(Message::new("never")).await?;
    assert!(asked.elapsed() < SECOND + Duration::from_millis(10), "{:?}", asked.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn nobody_is_kept_waiting_by_a_call_that_takes_its_time() -> Result {
    tokio::time::pause();
    let limits = Limits::default().deadline(60 * SECOND);
    let (_agent, mut haproxy) = too_old(limits).await?;
    haproxy.send_notify(Message::new("never")).await?;
    for most in [SECOND, Duration::ZERO] {
        let asked = Instant::now();
        haproxy.notify(ask_score()).await?;
        assert!(asked.elapsed() <= most + Duration::from_millis(10), "{:?}", asked.elapsed());
    }
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_would_hold_back_more_than_it_may_lets_go() -> Result {
    tokio::time::pause();
    let limits = Limits::default().output_buffer(4096);
    let (agent, mut haproxy) = too_old(limits).await?;
    for _ in 0..4 {
        haproxy.send_notify(ask_big(3000)).await?;
    }
    for _ in 0..4 {
        haproxy.ack().await?;
    }
    assert_eq!(agent.statistics().await.connections_expired, 0);
    Ok(())
}
