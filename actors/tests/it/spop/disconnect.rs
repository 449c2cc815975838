//! The end of a connection, from either side.

use std::time::Duration;

use spoa_actors::{
    Message,
    spop::{Disconnect, Frame, StatusCode},
    testing::ClientError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Result, agent, ask_score, ask_sleep, stop, until};

#[actix_rt::test]
async fn checklist_30_a_disconnect_is_answered_with_0_and_what_is_in_flight_is_dropped() -> Result {
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(Message::new("never")).await?;
    haproxy.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::TIMEOUT))).await?;
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert_eq!(disconnect.status_code, StatusCode::NORMAL);
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    let statistics = agent.statistics().await;
    assert_eq!(
        (statistics.notifies_in_flight, statistics.notifies_cancelled, statistics.acks),
        (0, 1, 0)
    );
    assert_eq!(statistics.disconnects_received.of(StatusCode::TIMEOUT), 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_30_a_disconnect_that_comes_while_acks_are_held_back_is_answered_with_them()
-> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(Message::new("never")).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (stream_id, _) = haproxy.send_notify(ask_score()).await?;
    haproxy.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))).await?;
    assert_eq!(haproxy.ack().await?.stream_id, stream_id);
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert_eq!(disconnect.status_code, StatusCode::NORMAL);
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    drop(haproxy);
    let seen = stopping.await.unwrap();
    assert_eq!((seen.notifies, seen.acks, seen.notifies_cancelled), (2, 1, 1));
    Ok(())
}

#[actix_rt::test]
async fn an_unknown_status_code_is_an_end_like_any_other() -> Result {
    let mut haproxy = agent().await.connect().await?;
    let message = "x".repeat(300).into();
    let disconnect = Disconnect { status_code: StatusCode(4242), message };
    haproxy.send(Frame::HaproxyDisconnect(disconnect)).await?;
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    Ok(())
}

#[actix_rt::test]
async fn checklist_31_the_end_of_the_stream_at_any_point_ends_the_connection_quietly() -> Result {
    let agent = agent().await;
    drop(agent.open());
    let mut half_hello = agent.open();
    half_hello.send_bytes(&[0, 0, 0, 99, 1]).await?;
    drop(half_hello);
    drop(agent.connect().await?);
    let mut half_frame = agent.connect().await?;
    half_frame.send_bytes(&[0, 0, 0, 99, 3, 0]).await?;
    drop(half_frame);
    let mut waiting = agent.connect().await?;
    waiting.send_notify(ask_sleep(60_000)).await?;
    drop(waiting);
    until(&agent, |seen| seen.connections_open == 0).await;
    let statistics = agent.statistics().await;
    assert_eq!((statistics.connections_accepted, statistics.notifies_in_flight), (5, 0));
    assert_eq!(statistics.connections_panicked, 0);
    assert_eq!(statistics.disconnects_sent.iter().count(), 0);
    Ok(())
}

#[actix_rt::test]
async fn what_is_answered_at_once_still_leaves_when_the_peer_has_closed_its_side() -> Result {
    let mut haproxy = agent().await.connect().await?;
    haproxy.send_notify(ask_score()).await?;
    haproxy.stream_mut().shutdown().await?;
    assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_acks_come_before_our_own_disconnect_and_then_the_write_side_closes() -> Result
{
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let (stream_id, _) = haproxy.send_notify(ask_sleep(500)).await?;
    until(&agent, |seen| seen.notifies_in_flight > 0).await;
    let stopping = stop(&agent);
    assert_eq!(haproxy.ack().await?.stream_id, stream_id);
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert_eq!(disconnect.status_code, StatusCode::NORMAL);
    let mut rest = Vec::new();
    haproxy.stream_mut().read_to_end(&mut rest).await?;
    assert!(rest.is_empty());
    // What HAProxy had sent before it saw the end is read, not reset.
    haproxy.send_notify(ask_score()).await?;
    drop(haproxy);
    stopping.await.unwrap();
    assert_eq!(agent.statistics().await.connections_open, 0);
    Ok(())
}
