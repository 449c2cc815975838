//! `async`: ACKs whose connections have gone leave on others of the same engine, if both sides say so.

use std::{num::NonZero, time::Duration};

use spoa_actors::{
    Agent, Limits, Message, RunningAgent,
    observe::Statistics,
    spop::{Capabilities, Disconnect, EngineId, Frame, HaproxyHello, Notify, StatusCode, StreamId},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::duplex,
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep},
};

use crate::support::{
    Result, agent, ask_big_later, ask_score, ask_sleep, registry, stop, until, variable,
};

const SECOND: Duration = Duration::from_secs(1);

/// The HELLO of HAProxy 3.0, of this engine.
fn asynchronous(engine: &str) -> HaproxyHello {
    let capabilities = Capabilities { pipelining: true, asynchronous: true, fragmentation: false };
    HaproxyHello { capabilities, engine_id: Some(EngineId::new(engine)), ..hello() }
}

async fn asynchronous_agent() -> InMemoryAgent {
    InMemoryAgent::start_asynchronous(registry(), Limits::default()).await.unwrap()
}

async fn connect(agent: &InMemoryAgent, hello: HaproxyHello) -> Result<FakeHaproxy> {
    let mut haproxy = agent.open();
    haproxy.hello(hello).await?;
    Ok(haproxy)
}

/// Asks what is answered later on a connection that then goes; tells the stream.
async fn ask_and_go(
    agent: &InMemoryAgent,
    mut haproxy: FakeHaproxy,
    message: Message,
) -> Result<StreamId> {
    let stream_id = StreamId(4711);
    let notify = Notify { stream_id, frame_id: Default::default(), messages: message.into() };
    haproxy.send(Frame::Notify(notify)).await?;
    until(agent, |seen| seen.notifies_in_flight == 1).await;
    drop(haproxy);
    until(agent, |seen| seen.connections_open == 1).await;
    Ok(stream_id)
}

#[actix_rt::test]
async fn async_is_agreed_only_if_both_sides_say_so_and_the_engine_has_an_id() -> Result {
    let nameless = HaproxyHello { engine_id: None, ..asynchronous("") };
    for (agent, hello, is_agreed) in [
        (asynchronous_agent().await, asynchronous("a"), true),
        (asynchronous_agent().await, hello(), false),
        (asynchronous_agent().await, asynchronous(""), false),
        (asynchronous_agent().await, nameless, false),
        (agent().await, asynchronous("a"), false),
    ] {
        let agreed = agent.open().hello(hello).await?;
        assert_eq!(agreed.capabilities.asynchronous, is_agreed);
        assert!(agreed.capabilities.pipelining && agreed.capabilities.fragmentation);
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_15_an_ack_whose_connection_has_gone_leaves_on_another_of_its_engine() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let going = connect(&agent, asynchronous("a")).await?;
    let mut staying = connect(&agent, asynchronous("a")).await?;
    let stream_id = ask_and_go(&agent, going, ask_sleep(500)).await?;
    let ack = staying.ack().await?;
    assert_eq!((ack.stream_id, ack.actions), (stream_id, variable("slept", 500)));
    assert_eq!(staying.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.acks_rerouted), (2, 2, 1));
    assert_eq!((seen.notifies_in_flight, seen.notifies_cancelled), (0, 0));
    Ok(())
}

#[actix_rt::test]
async fn an_ack_that_is_rerouted_has_its_deadline_too() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let going = connect(&agent, asynchronous("a")).await?;
    let mut staying = connect(&agent, asynchronous("a")).await?;
    let asked = Instant::now();
    ask_and_go(&agent, going, Message::new("never")).await?;
    assert_eq!(staying.ack().await?.actions, variable("never", -1));
    let late = Limits::default().deadline + Duration::from_millis(10);
    assert!(asked.elapsed() <= late, "{:?}", asked.elapsed());
    Ok(())
}

/// Asks on a connection that goes; the answer must not come on the other one.
async fn not_rerouted(
    agent: InMemoryAgent,
    going: HaproxyHello,
    staying: HaproxyHello,
) -> Result<Statistics> {
    let going = connect(&agent, going).await?;
    let mut staying = connect(&agent, staying).await?;
    ask_and_go(&agent, going, ask_sleep(500)).await?;
    sleep(SECOND).await;
    assert_eq!(staying.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    Ok(agent.statistics().await)
}

#[actix_rt::test]
async fn checklist_15_an_ack_leaves_on_no_connection_that_did_not_agree_or_is_of_another_engine()
-> Result {
    tokio::time::pause();
    let other = || HaproxyHello { engine_id: asynchronous("a").engine_id, ..hello() };
    for (agent, going, staying) in [
        (asynchronous_agent().await, asynchronous("a"), asynchronous("b")),
        (asynchronous_agent().await, asynchronous("a"), other()),
        (asynchronous_agent().await, other(), asynchronous("a")),
        (asynchronous_agent().await, other(), other()),
        (asynchronous_agent().await, asynchronous(""), asynchronous("")),
        (agent().await, asynchronous("a"), asynchronous("a")),
    ] {
        let seen = not_rerouted(agent, going, staying).await?;
        assert_eq!(
            (seen.acks_rerouted, seen.notifies_cancelled, seen.notifies_in_flight),
            (0, 1, 0)
        );
        assert_eq!((seen.notifies, seen.acks), (2, 1));
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_30_after_a_disconnect_nothing_is_rerouted() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let mut going = connect(&agent, asynchronous("a")).await?;
    let mut staying = connect(&agent, asynchronous("a")).await?;
    going.send_notify(ask_sleep(500)).await?;
    going.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))).await?;
    assert!(matches!(going.receive().await?, Frame::AgentDisconnect(_)));
    drop(going);
    sleep(SECOND).await;
    staying.notify(ask_score()).await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.acks_rerouted, seen.notifies_cancelled, seen.notifies_in_flight), (0, 1, 0));
    Ok(())
}

#[actix_rt::test]
async fn after_a_violation_nothing_is_rerouted_from_or_to_the_peer() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let mut culprit = connect(&agent, asynchronous("a")).await?;
    let mut going = connect(&agent, asynchronous("a")).await?;
    let mut staying = connect(&agent, asynchronous("a")).await?;
    // What it was asked before is still answered, on this connection alone.
    culprit.send_notify(ask_sleep(900)).await?;
    culprit.send_bytes(&[0; 4]).await?;
    going.send_notify(ask_sleep(500)).await?;
    until(&agent, |seen| seen.notifies_in_flight == 2).await;
    drop(going);
    assert_eq!(staying.ack().await?.actions, variable("slept", 500));
    drop(culprit);
    sleep(SECOND).await;
    assert_eq!(staying.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    assert_eq!(agent.statistics().await.acks_rerouted, 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_20_an_ack_that_is_rerouted_has_the_size_that_its_new_connection_takes() -> Result
{
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let going = connect(&agent, asynchronous("a")).await?;
    let small = HaproxyHello { max_frame_size: 256, ..asynchronous("a") };
    let mut staying = connect(&agent, small).await?;
    ask_and_go(&agent, going, ask_big_later(1000, 500)).await?;
    assert!(staying.ack().await?.actions.is_empty());
    let seen = agent.statistics().await;
    assert_eq!((seen.acks_rerouted, seen.actions_dropped), (1, 1));
    Ok(())
}

#[actix_rt::test]
async fn an_ack_is_rerouted_to_a_connection_that_comes_before_it_is_ready() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let going = connect(&agent, asynchronous("a")).await?;
    let bystander = agent.connect().await?;
    let stream_id = ask_and_go(&agent, going, ask_sleep(500)).await?;
    let mut late = connect(&agent, asynchronous("a")).await?;
    assert_eq!(late.ack().await?.stream_id, stream_id);
    drop(bystander);
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_an_ack_that_is_rerouted_to_a_connection_that_ends_comes_before_its_farewell()
-> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let mut going = connect(&agent, asynchronous("a")).await?;
    let mut staying = connect(&agent, asynchronous("a")).await?;
    going.send_notify(ask_sleep(500)).await?;
    staying.send_notify(ask_sleep(900)).await?;
    until(&agent, |seen| seen.notifies_in_flight == 2).await;
    drop(going);
    until(&agent, |seen| seen.connections_open == 1).await;
    let stopping = stop(&agent);
    assert_eq!(staying.ack().await?.actions, variable("slept", 500));
    assert_eq!(staying.ack().await?.actions, variable("slept", 900));
    assert!(matches!(staying.receive().await?, Frame::AgentDisconnect(_)));
    drop(staying);
    let seen = stopping.await.unwrap();
    assert_eq!((seen.acks_rerouted, seen.notifies_cancelled), (1, 0));
    Ok(())
}

/// An agent whose connections are handed to its arbiters in turn.
async fn agent_with_arbiters() -> Result<RunningAgent> {
    let agent = Agent::bind("127.0.0.1:0")?.asynchronous(true);
    Ok(agent.arbiters(NonZero::new(3).unwrap()).start(registry()).await?)
}

async fn connect_to(agent: &RunningAgent) -> Result<FakeHaproxy<TcpStream>> {
    let mut haproxy = FakeHaproxy::new(TcpStream::connect(agent.local_addresses()[0]).await?);
    haproxy.hello(asynchronous("a")).await?;
    Ok(haproxy)
}

/// Waits until a running agent has come so far.
async fn statistics(agent: &RunningAgent, is_so: impl Fn(&Statistics) -> bool) -> Statistics {
    let come_so_far = async {
        loop {
            let seen = agent.statistics().await;
            if is_so(&seen) {
                return seen;
            }
        }
    };
    tokio::time::timeout(10 * SECOND, come_so_far).await.unwrap()
}

#[actix_rt::test]
async fn checklist_15_an_ack_finds_a_connection_of_its_engine_on_another_arbiter() -> Result {
    let agent = agent_with_arbiters().await?;
    let mut going = connect_to(&agent).await?;
    let mut staying = connect_to(&agent).await?;
    let (stream_id, _) = going.send_notify(ask_sleep(300)).await?;
    statistics(&agent, |seen| seen.notifies_in_flight == 1).await;
    // It ends with a reset.
    going.stream_mut().set_zero_linger()?;
    drop(going);
    assert_eq!(staying.ack().await?.stream_id, stream_id);
    let seen = agent.statistics().await;
    assert_eq!((seen.acks, seen.acks_rerouted, seen.notifies_cancelled), (1, 1, 0));
    Ok(())
}

#[actix_rt::test]
async fn an_ack_that_finds_no_connection_on_any_arbiter_is_counted_as_cancelled() -> Result {
    let agent = agent_with_arbiters().await?;
    let mut going = connect_to(&agent).await?;
    going.send_notify(ask_sleep(300)).await?;
    statistics(&agent, |seen| seen.notifies_in_flight == 1).await;
    drop(going);
    let seen = statistics(&agent, |seen| seen.notifies_cancelled == 1).await;
    assert_eq!((seen.acks, seen.acks_rerouted, seen.notifies_in_flight), (0, 0, 0));
    Ok(())
}

/// Asks on one connection that goes, and says what became of the ACK with another of the same engine.
async fn dropped_with(
    agent: &RunningAgent,
    mut going: FakeHaproxy<TcpStream>,
    other: TcpStream,
) -> Result<(u64, u64)> {
    let mut other = FakeHaproxy::new(other);
    other.hello(asynchronous("a")).await?;
    going.send_notify(ask_sleep(100)).await?;
    statistics(agent, |seen| seen.notifies_in_flight == 1).await;
    drop(going);
    let seen = statistics(agent, |seen| seen.notifies_cancelled + seen.acks_rerouted == 1).await;
    Ok((seen.acks_dropped, seen.acks_rerouted))
}

#[actix_rt::test]
async fn an_ack_leaves_on_no_connection_from_another_host() -> Result {
    let agent = agent_with_arbiters().await?;
    let going = connect_to(&agent).await?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 2], 0).into())?;
    let other = socket.connect(agent.local_addresses()[0]).await?;
    assert_eq!(dropped_with(&agent, going, other).await?, (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn an_ack_leaves_on_no_connection_of_another_listener() -> Result {
    let agent = Agent::bind("127.0.0.1:0")?.listen("127.0.0.1:0")?.asynchronous(true);
    let agent = agent.arbiters(NonZero::new(1).unwrap()).start(registry()).await?;
    let going = connect_to(&agent).await?;
    let other = TcpStream::connect(agent.local_addresses()[1]).await?;
    assert_eq!(dropped_with(&agent, going, other).await?, (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn rerouted_acks_that_nobody_reads_are_accounted_for_and_bounded() -> Result {
    tokio::time::pause();
    let agent = asynchronous_agent().await;
    let (ours, theirs) = duplex(1024);
    agent.adopt(theirs);
    let mut deaf = FakeHaproxy::new(ours);
    deaf.hello(asynchronous("a")).await?;
    let mut going = connect(&agent, asynchronous("a")).await?;
    for _ in 0..200 {
        going.send_notify(ask_big_later(16_000, 500)).await?;
    }
    until(&agent, |seen| seen.notifies_in_flight == 200).await;
    drop(going);
    until(&agent, |seen| seen.connections_open == 1).await;
    sleep(SECOND).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies_in_flight, seen.acks + seen.acks_dropped < 200), (0, true));
    // 1 MiB, and 256 KiB of output.
    assert!((100..=135).contains(&seen.acks_dropped), "{}", seen.acks_dropped);
    // It has not been awake since the last of them came.
    assert!((1_000_000..1_500_000).contains(&seen.buffered_bytes), "{}", seen.buffered_bytes);
    drop(deaf);
    until(&agent, |seen| seen.connections_open == 0).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.acks + seen.acks_dropped, seen.buffered_bytes), (200, 0));
    Ok(())
}

#[actix_rt::test]
async fn acks_of_many_connections_that_come_at_one_time_all_leave() -> Result {
    tokio::time::pause();
    let agent = InMemoryAgent::start_asynchronous(registry(), Limits::default()).await.unwrap();
    let capabilities = Capabilities { pipelining: true, asynchronous: true, fragmentation: false };
    let hello = HaproxyHello { capabilities, engine_id: Some(EngineId::new("a")), ..hello() };
    let mut staying = agent.open().patience(5 * SECOND);
    staying.hello(hello.clone()).await?;
    // Five connections of HAProxy with twenty NOTIFYs each.
    let mut going = Vec::new();
    for _ in 0..5 {
        let mut haproxy = agent.open();
        haproxy.hello(hello.clone()).await?;
        for _ in 0..20 {
            haproxy.send_notify(Message::new("never")).await?;
        }
        going.push(haproxy);
    }
    until(&agent, |seen| seen.notifies_in_flight == 100).await;
    drop(going);
    let mut acks = 0;
    let begun = Instant::now();
    while acks < 100 && staying.receive().await.is_ok() {
        acks += 1;
    }
    let seen = agent.statistics().await;
    assert_eq!((acks, seen.notifies_cancelled), (100, 0), "after {:?}", begun.elapsed());
    Ok(())
}
