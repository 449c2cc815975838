//! The status of an agent: its connections, and how peers broke the protocol lately.

use std::time::Duration;

use spoa_actors::{
    Agent, Limits, Listen, Message, Observer, PeerAddress,
    spop::{Disconnect, Frame, FrameType, HaproxyHello, StatusCode},
    status::{ConnectionPhase, ConnectionStatus},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::{AsyncWriteExt, duplex},
    net::TcpStream,
    runtime,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::support::{Result, agent, ask_score, ask_sleep, registry, stop, until};

/// The connections, each with its age in seconds.
async fn connections(observer: &Observer, most: usize) -> Vec<(ConnectionPhase, u64)> {
    let connections = observer.status(most).await.connections;
    connections.iter().map(|connection| (connection.phase, connection.age.as_secs())).collect()
}

async fn only_connection(agent: &InMemoryAgent) -> ConnectionStatus {
    let mut connections = agent.observer().status(10).await.connections;
    assert_eq!(connections.len(), 1);
    connections.remove(0)
}

#[actix_rt::test]
async fn the_oldest_connections_are_told_of_and_no_more_than_asked_for() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(agent.connect().await?);
        sleep(Duration::from_secs(1)).await;
    }
    let observer = agent.observer();
    let expected = [4, 3, 2, 1].map(|age| (ConnectionPhase::Open, age));
    assert_eq!(connections(&observer, 10).await, expected);
    assert_eq!(connections(&observer, 2).await, expected[..2]);
    assert_eq!(connections(&observer, 0).await, []);
    drop(open.remove(0));
    until(&agent, |seen| seen.connections_open == 3).await;
    assert_eq!(connections(&observer, 2).await, expected[1..3]);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_tells_who_it_is_what_was_agreed_and_what_it_waits_for() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.open();
    until(&agent, |seen| seen.connections_open == 1).await;
    let greeting = only_connection(&agent).await;
    assert_eq!(greeting.phase, ConnectionPhase::Greeting);
    assert!(greeting.agreed.is_none() && greeting.engine_id.is_none());
    assert_eq!((greeting.peer, &*greeting.listener), (PeerAddress::InMemory, "memory"));

    haproxy.hello(HaproxyHello { max_frame_size: 4000, ..hello() }).await?;
    haproxy.send_notify(Message::new("never")).await?;
    haproxy.send_notify([Message::new("never"), ask_score()]).await?;
    haproxy.send_bytes(&[0, 0, 1]).await?;
    until(&agent, |seen| seen.notifies_in_flight == 2 && seen.buffered_bytes > 0).await;
    let open = only_connection(&agent).await;
    assert_eq!(open.phase, ConnectionPhase::Open);
    let agreed = open.agreed.unwrap();
    assert_eq!((agreed.version, agreed.max_frame_size), ("2.0", 4000));
    assert_eq!(agreed.capabilities.to_string(), "pipelining,fragmentation");
    assert_eq!(open.engine_id, hello().engine_id);
    // A message that is answered waits for the one before it.
    assert_eq!(open.messages_in_flight, 3);
    assert_eq!(open.buffered_bytes as u64, agent.statistics().await.buffered_bytes);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_tells_that_it_holds_back_and_that_it_ends() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(ask_sleep(100)).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(only_connection(&agent).await.phase, ConnectionPhase::Draining);
    haproxy.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))).await?;
    haproxy.receive().await?;
    assert_eq!(only_connection(&agent).await.phase, ConnectionPhase::Closing);
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_owes_its_proxy_header_is_told_of_and_delays_no_answer() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let (mut ours, theirs) = duplex(1024);
    agent.adopt_on(&Listen::tcp("any").proxy_protocol(), theirs)?;
    let mut second = agent.connect().await?;
    assert_eq!(second.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let observer = agent.observer();
    sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    let both = [(ConnectionPhase::Greeting, 2), (ConnectionPhase::Open, 2)];
    assert_eq!(connections(&observer, 2).await, both);
    assert_eq!(connections(&observer, 1).await, both[..1]);
    assert_eq!(begun.elapsed(), Duration::ZERO);

    ours.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").await?;
    let _first = FakeHaproxy::over(ours).await?;
    let status = observer.status(1).await;
    assert_eq!(status.connections[0].phase, ConnectionPhase::Open);
    assert_eq!(status.connections[0].peer.to_string(), "192.0.2.1:1");
    Ok(())
}

#[actix_rt::test]
async fn the_last_32_violations_are_kept_with_cause_and_advice_the_newest_first() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    for _ in 0..40 {
        agent.connect().await?.send_bytes(&[0; 4]).await?;
    }
    let mut haproxy = agent.connect().await?;
    haproxy.send(Frame::Unknown(FrameType(7))).await?;
    haproxy.send(Frame::HaproxyHello(hello())).await?;
    until(&agent, |seen| seen.violations.of("unexpected_frame") == 1).await;
    let status = agent.observer().status(0).await;
    assert_eq!(status.violations.len(), 32);
    let newest = &status.violations[0];
    assert_eq!((newest.reason, newest.status_code), ("unexpected_frame", StatusCode::INVALID));
    assert_eq!((newest.peer, &newest.engine_id), (PeerAddress::InMemory, &hello().engine_id));
    assert_eq!(newest.text, "expected NOTIFY, received HAPROXY-HELLO (1)");
    assert!(newest.advice.contains("report it with both versions"), "{}", newest.advice);
    assert!(status.violations[1..].iter().all(|past| past.reason == "frame_too_short"));
    assert!(status.violations.is_sorted_by(|newer, older| newer.time >= older.time));
    Ok(())
}

#[actix_rt::test]
async fn the_status_of_an_agent_has_its_limits_its_statistics_and_its_age() -> Result {
    tokio::time::pause();
    let limits = Limits::default().connections(77);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    agent.connect().await?.notify(ask_score()).await?;
    sleep(Duration::from_secs(5)).await;
    let status = agent.observer().status(0).await;
    assert_eq!((status.limits.connections, status.arbiters), (77, 1));
    assert_eq!((status.statistics.notifies, status.uptime.as_secs()), (1, 5));
    Ok(())
}

#[actix_rt::test]
async fn an_agent_is_observed_from_another_thread() -> Result {
    let agent = Agent::bind("127.0.0.1:0")?.start(registry()).await?;
    let address = agent.local_addresses()[0];
    let socket = TcpStream::connect(address).await?;
    let mut haproxy = FakeHaproxy::over(socket).await?;
    haproxy.notify(ask_score()).await?;
    let observer = agent.observer();
    let observe = move || {
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(observer.status(10))
    };
    let status = spawn_blocking(observe).await.unwrap();
    assert_eq!(status.statistics.notifies, 1);
    assert_eq!(*status.connections[0].listener, *address.to_string());
    assert_eq!(status.arbiters, agent.arbiters());
    let listeners = agent.statistics().await.listeners;
    assert_eq!((listeners.len(), &listeners[0].listener), (1, &address.to_string()));
    assert_eq!((listeners[0].open, listeners[0].accepted), (1, 1));
    drop(haproxy);
    assert_eq!(agent.stop().await.listeners[0].open, 0);
    Ok(())
}

#[test]
fn an_observer_and_what_it_waits_for_go_from_thread_to_thread() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn is_sent(_: impl Send) {}
    is_shared::<Observer>();
    let _ = |observer: Observer| {
        is_sent(observer.statistics());
        is_sent(observer.status(1));
        is_sent(observer.readiness());
    };
}
