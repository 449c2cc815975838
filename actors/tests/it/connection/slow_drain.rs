//! A stop while handlers take their time.

use std::{collections::HashMap, time::Duration};

use futures_util::FutureExt;
use spoa_actors::{
    Limits, Message, Route,
    spop::{Frame, StatusCode},
    testing::{ClientError, FakeHaproxy, InMemoryAgent},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::support::{Result, ask_big, ask_score, ask_sleep, registry, stop, until, variable};

const SECOND: Duration = Duration::from_secs(1);

async fn two_are_answered(haproxy: &mut FakeHaproxy) -> Result {
    for _ in 0..2 {
        let frame = haproxy.receive().await?;
        assert!(matches!(frame, Frame::Ack(_)), "lost: {frame:?}");
    }
    Ok(())
}

async fn slow((): ()) -> std::result::Result<spoa_actors::Actions, ClientError> {
    sleep(3 * SECOND).await;
    Ok(variable("slow", 1))
}

#[actix_rt::test]
async fn what_comes_while_a_call_of_a_slow_route_is_waited_for_is_answered() -> Result {
    tokio::time::pause();
    let routes = registry().on("slow", Route::new(slow).deadline(5 * SECOND));
    let agent = InMemoryAgent::start(routes, Limits::default()).await.unwrap();
    let mut haproxy = agent.connect().await?.patience(60 * SECOND);
    haproxy.send_notify(Message::new("slow")).await?;
    sleep(2 * SECOND).await;
    let stopping = stop(&agent);
    sleep(Duration::from_millis(10)).await;
    haproxy.send_notify(ask_score()).await?;
    two_are_answered(&mut haproxy).await?;
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn what_the_acks_of_slow_handlers_let_come_is_answered() -> Result {
    tokio::time::pause();
    let agent = InMemoryAgent::start(registry(), Limits::default()).await.unwrap();
    let mut haproxy = agent.connect().await?.patience(60 * SECOND);
    haproxy.send_notify(ask_sleep(800)).await?;
    sleep(Duration::from_millis(500)).await;
    let stopping = stop(&agent);
    sleep(Duration::from_millis(50)).await;
    haproxy.send_notify(ask_sleep(800)).await?;
    haproxy.ack().await?;
    haproxy.send_notify(ask_score()).await?;
    two_are_answered(&mut haproxy).await?;
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

/// HAProxy's `timeout processing` is above every deadline, and above the shortest by no more than it
/// must be.
#[actix_rt::test]
async fn no_ack_is_held_back_for_longer_than_the_shortest_deadline_of_a_route() -> Result {
    tokio::time::pause();
    let shortest = SECOND / 10;
    let quick = Route::new(|(): ()| Ok::<_, ClientError>(variable("quick", 1))).deadline(shortest);
    let routes = registry().on("quick", quick);
    let agent = InMemoryAgent::start(routes, Limits::default()).await.unwrap();
    let mut haproxy = agent.connect().await?;
    let stopping = stop(&agent);
    sleep(Duration::from_millis(1)).await;
    let asked = Instant::now();
    haproxy.send_notify(Message::new("quick")).await?;
    for _ in 0..100 {
        sleep(Duration::from_millis(3)).await;
        // What comes keeps the connection from its farewell.
        haproxy.send_notify(ask_score()).await?;
        if haproxy.ack().now_or_never().is_some() {
            break;
        }
    }
    assert!(asked.elapsed() <= shortest, "{:?}", asked.elapsed());
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn a_call_that_a_stop_cannot_wait_for_gets_its_fallback() -> Result {
    tokio::time::pause();
    let limits = Limits::default().deadline(60 * SECOND).shutdown_timeout(2 * SECOND);
    let agent = InMemoryAgent::start(registry(), limits).await.unwrap();
    let mut haproxy = agent.connect().await?.patience(10 * SECOND);
    haproxy.send_notify(Message::new("never")).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopped = stop(&agent).await.unwrap();
    assert_eq!((stopped.acks, stopped.notifies_in_flight), (1, 0));
    haproxy.ack().await?;
    Ok(())
}

#[actix_rt::test]
async fn a_frame_that_is_not_finished_during_a_drain_ends_the_connection_in_time() -> Result {
    tokio::time::pause();
    let limits = Limits::default().read_timeout(SECOND / 10).deadline(4 * SECOND);
    let agent = InMemoryAgent::start(registry(), limits).await.unwrap();
    let mut haproxy = agent.connect().await?.patience(60 * SECOND);
    haproxy.send_notify(ask_sleep(2000)).await?;
    haproxy.send_bytes(&[0, 0]).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    haproxy.ack().await?;
    let farewell = haproxy.receive().await?;
    let Frame::AgentDisconnect(farewell) = farewell else { panic!("{farewell:?}") };
    assert_eq!(farewell.status_code, StatusCode::TIMEOUT);
    drop(haproxy);
    assert_eq!(stopping.await.unwrap().read_timeouts, 1);
    Ok(())
}

#[actix_rt::test]
async fn no_ack_of_a_stop_is_later_than_its_deadline_because_another_is_due() -> Result {
    tokio::time::pause();
    let agent = InMemoryAgent::start(registry(), Limits::default()).await.unwrap();
    let mut haproxy = agent.connect().await?;
    let mut sent = HashMap::new();
    sent.insert(haproxy.send_notify(Message::new("never")).await?, Instant::now());
    sleep(SECOND / 4).await;
    let stopping = stop(&agent);
    let mut answered = 0;
    while sent.len() < 50 {
        sent.insert(haproxy.send_notify(ask_score()).await?, Instant::now());
        let next = Instant::now() + SECOND / 20;
        while let Ok(frame) = timeout_at(next, haproxy.receive()).await {
            let Frame::Ack(ack) = frame? else { panic!("it is asked all the time") };
            let waited = sent[&(ack.stream_id, ack.frame_id)].elapsed();
            assert!(waited < SECOND + Duration::from_millis(10), "{answered}: {waited:?}");
            answered += 1;
        }
    }
    assert!(answered > 20, "{answered}");
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn what_was_let_go_leaves_as_soon_as_the_peer_reads() -> Result {
    tokio::time::pause();
    let registry = registry().on("slow", Route::new(slow).deadline(5 * SECOND));
    let agent = InMemoryAgent::start(registry, Limits::default()).await.unwrap();
    let (ours, theirs) = tokio::io::duplex(1024);
    agent.adopt(theirs);
    let mut haproxy = FakeHaproxy::over(ours).await?;
    haproxy.send_notify(Message::new("slow")).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    sleep(SECOND / 10).await;
    haproxy.send_notify(ask_big(5000)).await?;
    sleep(SECOND * 12 / 10).await;
    let begun = Instant::now();
    haproxy.ack().await?;
    assert!(begun.elapsed() < SECOND / 10, "{:?}", begun.elapsed());
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}
