//! What the agent counts.

use spoa_actors::{
    Limits, Message,
    observe::Statistics,
    spop::{Flags, Fragment, Frame, FrameId, FrameType, StatusCode, StreamId},
    testing::{FakeHaproxy, InMemoryAgent},
};

use crate::support::{Result, ask_big, ask_score, registry};

async fn fragment(haproxy: &mut FakeHaproxy, frame_type: FrameType, flags: Flags) -> Result {
    let (stream_id, frame_id) = (StreamId(9), FrameId(1));
    let payload = vec![0; 60].into();
    haproxy
        .send(Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload }))
        .await
}

async fn eventful_life(agent: &InMemoryAgent) -> Result {
    agent.open().healthcheck().await?;
    let mut refused = agent.open();
    refused.send_bytes(&[0; 4]).await?;
    refused.receive().await?;
    let mut haproxy = agent.connect().await?;
    for name in ["score", "fail", "panic", "never", "nobody"] {
        haproxy.notify(Message::new(name)).await?;
    }
    haproxy.notify(ask_score()).await?;
    haproxy.notify(ask_big(20_000)).await?;
    fragment(&mut haproxy, FrameType::NOTIFY, Flags::NONE).await?;
    fragment(&mut haproxy, FrameType::UNSET, Flags::NONE).await?;
    fragment(&mut haproxy, FrameType::UNSET, Flags::FIN).await?;
    haproxy.ack().await?;
    fragment(&mut haproxy, FrameType::NOTIFY, Flags::NONE).await?;
    fragment(&mut haproxy, FrameType::UNSET, Flags { fin: true, abort: true }).await?;
    haproxy.disconnect().await?;
    Ok(())
}

#[actix_rt::test]
async fn checklist_42_everything_that_can_happen_to_a_frame_is_counted() -> Result {
    tokio::time::pause();
    let limits = Limits::default().max_reassembled_size(100);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    eventful_life(&agent).await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_accepted, seen.hellos, seen.hellos_refused), (3, 1, 1));
    assert_eq!((seen.healthchecks, seen.notifies, seen.acks), (1, 8, 8));
    assert_eq!((seen.notifies_in_flight, seen.messages_without_route), (0, 1));
    assert_eq!((seen.unrouted.len(), &*seen.unrouted[0].message), (1, "nobody"));
    assert_eq!((seen.fragments, seen.notifies_too_large, seen.notifies_aborted), (5, 1, 1));
    assert_eq!(seen.actions_dropped, 1);
    let outcomes = seen.messages;
    assert_eq!((outcomes.answered, outcomes.bad_arguments, outcomes.failed), (2, 1, 1));
    assert_eq!((outcomes.panicked, outcomes.deadline_exceeded, outcomes.actor_stopped), (1, 1, 0));
    assert_eq!(seen.disconnects_sent.of(StatusCode::INVALID), 1);
    assert_eq!(seen.disconnects_sent.of(StatusCode::NORMAL), 1);
    assert_eq!(seen.disconnects_received.of(StatusCode::NORMAL), 1);
    assert_eq!(seen.latency.count(), 7, "all but the one that was not read");
    assert!(seen.latency.sum().as_millis() >= 1000, "one waited for its deadline");
    assert!(seen.bytes_in > 500 && seen.bytes_out > 200);
    Ok(())
}

#[actix_rt::test]
async fn statistics_of_arbiters_add_up() -> Result {
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    agent.connect().await?.notify(ask_score()).await?;
    let one = agent.statistics().await;
    let mut both = Statistics::default();
    both.add(&one);
    assert_eq!(both, one);
    both.add(&one);
    assert_eq!((both.notifies, both.acks, both.hellos), (2, 2, 2));
    assert_eq!(both.messages.answered, 2);
    assert_eq!(both.latency.count(), 2);
    assert_eq!(both.bytes_in, 2 * one.bytes_in);
    Ok(())
}
