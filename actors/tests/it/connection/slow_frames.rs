//! Frames that come slowly, or never to their end.

use bytes::BytesMut;
use spoa_actors::{
    Limits,
    spop::{Disconnect, Frame, FrameId, FrameType, Notify, StatusCode, StreamId},
};
use tokio::time::{Instant, sleep};

use crate::{
    arbiter::limits::{SECOND, agent, fragment},
    support::{Result, ask_big_later, ask_score, farewell, until},
};

/// Has an agent whose peers may take ten seconds for a frame read `bytes`, one a second; gives what
/// it says at last, and how many seconds after the first byte.
async fn drip(bytes: &[u8]) -> Result<(Disconnect, u64)> {
    tokio::time::pause();
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = agent.connect().await?.patience(60 * SECOND);
    // Beyond the time of the HELLO, and as long as it likes: nothing has begun.
    sleep(3600 * SECOND).await;
    let begun = Instant::now();
    let mut dripping = bytes.iter();
    let disconnect = loop {
        tokio::select! {
            biased;
            frame = haproxy.receive() => match frame? {
                Frame::AgentDisconnect(disconnect) => break disconnect,
                Frame::Ack(_) => {}
                other => panic!("{other:?}"),
            },
            () = sleep(SECOND) => if let Some(byte) = dripping.next() {
                haproxy.send_bytes(&[*byte]).await?;
            },
        }
    };
    let seen = agent.statistics().await;
    assert_eq!(seen.read_timeouts, 1);
    Ok((disconnect, (begun + SECOND).elapsed().as_secs()))
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}

#[actix_rt::test]
async fn a_frame_that_stalls_is_waited_for_until_its_time_is_over() -> Result {
    let (disconnect, seconds) = drip(&[0]).await?;
    assert_eq!((disconnect.status_code, seconds), (StatusCode::TIMEOUT, 10));
    Ok(())
}

#[actix_rt::test]
async fn a_frame_that_drips_is_waited_for_no_longer() -> Result {
    let (disconnect, seconds) = drip(&encoded(&fragment(FrameType::NOTIFY, 100))).await?;
    assert_eq!((disconnect.status_code, seconds), (StatusCode::TIMEOUT, 10));
    Ok(())
}

#[actix_rt::test]
async fn a_notify_in_fragments_has_one_time_for_all_of_them() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = agent.connect().await?;
    let begun = Instant::now();
    haproxy.send(fragment(FrameType::NOTIFY, 10)).await?;
    while agent.statistics().await.read_timeouts == 0 && begun.elapsed() < 60 * SECOND {
        sleep(SECOND).await;
        let _ = haproxy.send(fragment(FrameType::UNSET, 10)).await;
    }
    assert!(begun.elapsed() <= 11 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(farewell(&mut haproxy).await?.status_code, StatusCode::TIMEOUT);
    Ok(())
}

#[actix_rt::test]
async fn the_time_of_a_notify_in_fragments_begins_with_its_first_byte() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = agent.connect().await?.patience(60 * SECOND);
    let begun = Instant::now();
    let first = encoded(&fragment(FrameType::NOTIFY, 100));
    haproxy.send_bytes(&first[..5]).await?;
    sleep(9 * SECOND).await;
    haproxy.send_bytes(&first[5..]).await?;
    assert_eq!(farewell(&mut haproxy).await?.status_code, StatusCode::TIMEOUT);
    assert!(begun.elapsed() <= 11 * SECOND, "{:?}", begun.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn frames_that_come_slowly_but_in_time_may_come_for_ever() -> Result {
    tokio::time::pause();
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = agent.connect().await?;
    let notify = |stream: u64| {
        let (stream_id, frame_id) = (StreamId(stream), FrameId(1));
        encoded(&Frame::Notify(Notify { stream_id, frame_id, messages: ask_score().into() }))
    };
    let mut rest = Vec::new();
    for stream in 0..20 {
        // The end of one and the beginning of the next.
        let next = notify(stream);
        let (front, back) = next.split_at(9);
        rest.extend_from_slice(front);
        haproxy.send_bytes(&rest).await?;
        rest = back.to_vec();
        sleep(9 * SECOND).await;
    }
    haproxy.send_bytes(&rest).await?;
    for _ in 0..20 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    }
    sleep(3600 * SECOND).await;
    assert_eq!(agent.statistics().await.connections_open, 1);
    Ok(())
}

#[actix_rt::test]
async fn the_time_in_which_the_agent_does_not_read_is_not_the_peers() -> Result {
    tokio::time::pause();
    let deadline = 10 * SECOND;
    let agent = agent(Limits::default().read_timeout(5 * SECOND).deadline(deadline)).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..40 {
        haproxy.send_notify(ask_big_later(16_000, 1000)).await?;
    }
    // Half of it has come when the output is full, which stops the reading.
    let frame = encoded(&fragment(FrameType::NOTIFY, 100));
    let (front, back) = frame.split_at(50);
    haproxy.send_bytes(front).await?;
    sleep(20 * SECOND).await;
    for _ in 0..40 {
        haproxy.ack().await?;
    }
    sleep(2 * SECOND).await;
    haproxy.send_bytes(back).await?;
    until(&agent, |seen| seen.fragments == 1).await;
    assert_eq!(agent.statistics().await.read_timeouts, 0);
    Ok(())
}

#[actix_rt::test]
async fn hello_has_a_time_of_its_own() -> Result {
    tokio::time::pause();
    let limits = Limits::default().read_timeout(SECOND);
    let agent = agent(limits).await;
    let mut haproxy = agent.open().patience(60 * SECOND);
    let bytes = encoded(&Frame::HaproxyHello(spoa_actors::testing::hello()));
    haproxy.send_bytes(&bytes[..50]).await?;
    sleep(3 * SECOND).await;
    haproxy.send_bytes(&bytes[50..]).await?;
    let answer = haproxy.receive().await?;
    assert!(matches!(answer, Frame::AgentHello(_)), "{answer:?}");
    Ok(())
}
