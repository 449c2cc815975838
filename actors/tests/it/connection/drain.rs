//! How an agent stops: what it says to whom, and when.

use std::time::Duration;

use spoa_actors::{
    Limits,
    spop::StatusCode,
    testing::{ClientError, hello},
};
use tokio::time::{Instant, sleep};

use crate::support::{Result, agent, ask_score, farewell, stop, until};

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
        let Err(ClientError::Disconnected(disconnect)) = agent.open().healthcheck().await else {
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
async fn a_connection_that_is_new_at_the_stop_is_greeted_and_answered_before_its_farewell() -> Result
{
    tokio::time::pause();
    let agent = agent().await;
    let (mut new, mut silent) = (agent.open(), agent.open());
    until(&agent, |seen| seen.connections_open == 2).await;
    let asked = Instant::now();
    let stopping = stop(&agent);
    // HAProxy has requests that wait for the answer.
    sleep(Duration::from_millis(100)).await;
    new.hello(hello()).await?;
    assert_eq!(new.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    assert_eq!(farewell(&mut new).await?.status_code, StatusCode::NORMAL);
    // Who says nothing is not waited for.
    assert_eq!(farewell(&mut silent).await?.status_code, StatusCode::NORMAL);
    drop((new, silent));
    let seen = stopping.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!((seen.notifies, seen.acks, seen.hellos_refused), (1, 1, 0));
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
    assert!(matches!(check.receive().await, Err(ClientError::Closed)));
    drop(check);
    stopping.await.unwrap();
    Ok(())
}
