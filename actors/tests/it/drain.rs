//! How an agent stops: what it says to whom, and when.

use std::time::Duration;

use spoa_actors::{
    ConnectionPhase, Limits, Message,
    spop::{Disconnect, Frame, StatusCode},
    testing::{FakeError, FakeHaproxy, InMemoryAgent, hello},
};
use tokio::time::{Instant, sleep};

use crate::support::{Result, agent, ask_big, ask_score, ask_sleep, registry, stop, until};

/// Waits for the agent's farewell.
async fn farewell(haproxy: &mut FakeHaproxy) -> Result<Disconnect> {
    match haproxy.receive().await? {
        Frame::AgentDisconnect(disconnect) => Ok(disconnect),
        other => Err(other.into()),
    }
}

#[actix_rt::test]
async fn checklist_09_34_checks_say_down_while_all_else_goes_on_until_the_notice_period_is_over()
-> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?.patience(Duration::from_secs(60));
    agent.open().healthcheck().await?;
    let notice_period = Limits::default().notice_period;
    let asked = Instant::now();
    let stopping = stop(&agent);
    let mut refused = 0;
    while asked.elapsed() < notice_period - Duration::from_secs(1) {
        sleep(Duration::from_secs(1)).await;
        let Err(FakeError::Disconnected(disconnect)) = agent.open().healthcheck().await else {
            panic!("the check does not say that the agent is down");
        };
        assert_eq!(disconnect.status_code, StatusCode::NORMAL);
        refused += 1;
        assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
        let mut newcomer = agent.connect().await?;
        assert_eq!(newcomer.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    }
    assert_eq!(farewell(&mut haproxy).await?.status_code, StatusCode::NORMAL);
    assert!(asked.elapsed() >= notice_period, "{:?}", asked.elapsed());
    drop(haproxy);
    let seen = stopping.await.unwrap();
    assert_eq!((seen.healthchecks, seen.healthchecks_refused), (1, refused));
    assert_eq!((seen.hellos_refused, seen.notifies, seen.acks), (0, 2 * refused, 2 * refused));
    Ok(())
}

#[actix_rt::test]
async fn an_agent_that_nobody_checks_stops_without_a_notice() -> Result {
    tokio::time::pause();
    for checked_once in [false, true] {
        let agent = agent().await;
        let mut haproxy = agent.connect().await?;
        if checked_once {
            agent.open().healthcheck().await?;
            sleep(Duration::from_secs(31)).await;
        }
        let asked = Instant::now();
        let stopping = stop(&agent);
        farewell(&mut haproxy).await?;
        drop(haproxy);
        stopping.await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    Ok(())
}

#[actix_rt::test]
async fn a_check_that_is_under_way_when_connections_end_is_told_once() -> Result {
    let agent = agent().await;
    let mut check = agent.open();
    until(&agent, |seen| seen.connections_open == 1).await;
    let stopping = stop(&agent);
    assert_eq!(farewell(&mut check).await?.status_code, StatusCode::NORMAL);
    assert!(matches!(check.receive().await, Err(FakeError::Closed)));
    drop(check);
    stopping.await.unwrap();
    Ok(())
}

/// Whether the one connection holds its ACKs back.
async fn is_holding(agent: &InMemoryAgent) -> bool {
    let status = agent.observer().status(1).await;
    status.connections[0].phase == ConnectionPhase::Holding
}

/// An agent whose connections live for so long, give or take a tenth.
async fn recycling(age: Duration, limits: Limits) -> InMemoryAgent {
    let limits = Limits { max_connection_age: Some(age), ..limits };
    InMemoryAgent::start(registry(), limits).await.unwrap()
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
    assert!(matches!(haproxy.receive().await, Err(FakeError::Closed)));
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
    assert_eq!((seen.connections_open, seen.connections_recycled), (1, 0));
    let asked = Instant::now();
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    farewell(&mut haproxy).await?;
    assert!(asked.elapsed() < Limits::default().deadline / 2, "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.connections_recycled, 1);
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
    for seconds in [89, 100, 120] {
        while begun.elapsed() < Duration::from_secs(seconds) {
            for haproxy in &mut connections {
                // It may have ended.
                let _ = haproxy.send_notify(ask_score()).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
        recycled.push(agent.statistics().await.connections_recycled);
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
    assert_eq!(agent.statistics().await.connections_recycled, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_is_recycled_has_its_time_whatever_a_stop_would_allow() -> Result {
    tokio::time::pause();
    let limits = Limits { shutdown_timeout: Duration::from_millis(2), ..Limits::default() };
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
    let limits = Limits { deadline: Duration::from_secs(60), ..Limits::default() };
    let agent = recycling(Duration::from_secs(1), limits.clone()).await;
    let mut haproxy = agent.connect().await?.patience(Duration::from_secs(60));
    haproxy.send_notify(Message::new("never")).await?;
    haproxy.send_notify(ask_sleep(1500)).await?;
    sleep(Duration::from_secs(2)).await;
    assert!(is_holding(&agent).await);
    let asked = Instant::now();
    let stopping = stop(&agent);
    haproxy.ack().await?;
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
    let mut haproxy = FakeHaproxy::connect(ours).await?;
    haproxy.send_notify(ask_big(5000)).await?;
    sleep(Duration::from_secs(5)).await;
    haproxy.send_notify(ask_score()).await?;
    haproxy.ack().await?;
    haproxy.ack().await?;
    assert_eq!(agent.statistics().await.connections_recycled, 0);
    haproxy.notify(ask_score()).await?;
    farewell(&mut haproxy).await?;
    assert_eq!(agent.statistics().await.connections_recycled, 1);
    Ok(())
}
