//! Whether an agent should be asked, from its start to its end.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use spoa_actors::{
    Actions, Agent, BoxError, Limits, Message, Registry,
    status::Readiness,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{net::TcpStream, time::sleep};

use crate::support::{
    FALLBACK, Result, agent, ask_score, ask_sleep,
    numbered::{self, Start, answer, ask, route, script},
    stop,
};

#[actix_rt::test]
async fn an_agent_that_stops_is_draining_from_the_first_moment_to_the_last() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let observer = agent.observer();
    assert_eq!(observer.readiness().await, Readiness::Ready);
    agent.open().healthcheck().await?;
    let mut haproxy = agent.connect().await?.patience(Duration::from_secs(60));
    let stopping = stop(&agent);
    tokio::task::yield_now().await;
    assert_eq!(observer.readiness().await, Readiness::Draining);
    // Within the notice period all goes on as before.
    sleep(Limits::default().notice_period / 2).await;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    assert_eq!(observer.readiness().await, Readiness::Draining);
    haproxy.send_notify(ask_sleep(100)).await?;
    sleep(Limits::default().notice_period / 2).await;
    assert_eq!(observer.status(0).await.readiness, Readiness::Draining);
    haproxy.ack().await?;
    drop(haproxy);
    stopping.await.unwrap();
    assert_eq!(observer.readiness().await, Readiness::Draining);
    Ok(())
}

#[actix_rt::test]
async fn who_asks_for_readiness_alone_is_given_notice_too() -> Result {
    tokio::time::pause();
    for is_probed in [true, false] {
        let agent = agent().await;
        let observer = agent.observer();
        // To be looked at is no probe.
        let status = observer.status(1).await;
        assert_eq!((status.readiness, status.statistics.healthchecks), (Readiness::Ready, 0));
        if is_probed {
            assert_eq!(observer.readiness().await, Readiness::Ready);
        }
        let begun = tokio::time::Instant::now();
        stop(&agent).await.unwrap();
        let has_waited = begun.elapsed() >= Limits::default().notice_period;
        assert_eq!(has_waited, is_probed);
    }
    Ok(())
}

#[actix_rt::test]
async fn an_agent_is_not_ready_while_the_handler_of_a_required_route_is_down() -> Result {
    tokio::time::pause();
    let registry = Registry::new()
        .on("needed", route().restarts(0, Duration::from_secs(10)))
        .on("spare", route().optional().restarts(0, Duration::from_secs(10)));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let observer = agent.observer();
    let mut haproxy = agent.connect().await?;
    let panicking = |name: &str| Message::new(name).arg("panic", true);
    assert_eq!(answer(&mut haproxy, panicking("spare")).await?, FALLBACK);
    assert_eq!(observer.readiness().await, Readiness::Ready);
    assert_eq!(answer(&mut haproxy, panicking("needed")).await?, FALLBACK);
    tokio::task::yield_now().await;
    let readiness = observer.readiness().await;
    assert_eq!(readiness, Readiness::HandlerDown { message: "needed".to_owned() });
    assert!(readiness.to_string().contains("\"needed\""), "{readiness}");
    sleep(Duration::from_millis(12_550)).await;
    assert_eq!(observer.readiness().await, Readiness::Ready, "it is tried again once a window");
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_is_being_restarted_is_not_down() -> Result {
    tokio::time::pause();
    let agent = numbered::agent(route()).await;
    script([Start::Takes(10)]);
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    tokio::task::yield_now().await;
    assert_eq!(agent.observer().readiness().await, Readiness::Ready);
    Ok(())
}

#[actix_rt::test]
async fn an_arbiter_whose_thread_is_blocked_is_silent_and_left_out_of_the_statistics() -> Result {
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let block = move |(): ()| {
        // Until the other end is dropped.
        let _ = blocked.lock().unwrap().recv();
        Ok::<_, BoxError>(Actions::new())
    };
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(NonZero::<usize>::MIN);
    let agent = agent.start(Registry::new().on("block", block)).await?;
    let observer = agent.observer();
    assert_eq!(observer.readiness().await, Readiness::Ready);
    let socket = TcpStream::connect(agent.local_addresses()[0]).await?;
    let mut haproxy = FakeHaproxy::over(socket).await?;
    haproxy.send_notify(Message::new("block")).await?;
    let mut readiness = Readiness::Ready;
    for _ in 0..100 {
        if readiness == Readiness::Unresponsive {
            break;
        }
        readiness = observer.readiness().await;
    }
    assert_eq!(readiness, Readiness::Unresponsive);
    let seen = observer.statistics().await;
    assert_eq!((seen.workers_unresponsive, seen.hellos), (1, 0));
    drop(unblock);
    haproxy.ack().await?;
    let seen = observer.statistics().await;
    assert_eq!((seen.workers_unresponsive, seen.hellos), (0, 1));
    assert_eq!(observer.readiness().await, Readiness::Ready);
    drop(agent);
    let mut silent = 0;
    for _ in 0..10_000 {
        if silent == 1 {
            break;
        }
        silent = observer.statistics().await.workers_unresponsive;
        tokio::task::yield_now().await;
    }
    assert_eq!(silent, 1, "an agent that has gone answers nothing");
    Ok(())
}
