//! Counts that are exact: bytes, what is in flight, how long an answer took.

use std::time::Duration;

use bytes::BytesMut;
use spoa_actors::{
    Message,
    spop::{Disconnect, Frame, FrameId, Notify, StatusCode, StreamId},
    testing::hello,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::support::{Result, agent, ask_score, ask_sleep, exchange, until};

#[actix_rt::test]
async fn checklist_42_every_byte_is_counted_once() -> Result {
    let agent = agent().await;
    let mut said = BytesMut::new();
    Frame::HaproxyHello(hello()).encode(&mut said);
    for stream in 0..100 {
        let (stream_id, frame_id) = (StreamId(stream), FrameId(1));
        let messages = ask_score().into();
        Frame::Notify(Notify { stream_id, frame_id, messages }).encode(&mut said);
    }
    Frame::HaproxyDisconnect(Disconnect::new(StatusCode::TIMEOUT)).encode(&mut said);
    let (mut ours, theirs) = duplex(1 << 20);
    agent.adopt(theirs);
    let mut heard = Vec::new();
    for piece in said.chunks(17) {
        ours.write_all(piece).await?;
    }
    ours.read_to_end(&mut heard).await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.bytes_in, seen.bytes_out), (said.len() as u64, heard.len() as u64));
    assert_eq!((seen.notifies, seen.acks), (100, 100));
    assert_eq!(seen.disconnects_received.of(StatusCode::TIMEOUT), 1);
    assert_eq!(seen.disconnects_sent.of(StatusCode::NORMAL), 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_42_what_is_in_flight_goes_up_and_down() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let mut other = agent.connect().await?;
    for waiting in 1..=5 {
        haproxy.send_notify(ask_sleep(100 * waiting)).await?;
        until(&agent, |seen| seen.notifies_in_flight == waiting).await;
    }
    other.send_notify(Message::new("never")).await?;
    until(&agent, |seen| seen.notifies_in_flight == 6).await;
    drop(other);
    until(&agent, |seen| seen.notifies_in_flight == 5).await;
    for waiting in (0..5).rev() {
        haproxy.ack().await?;
        assert_eq!(agent.statistics().await.notifies_in_flight, waiting);
    }
    assert_eq!(agent.statistics().await.notifies_cancelled, 1);
    Ok(())
}

#[actix_rt::test]
async fn checklist_42_the_histogram_says_how_long_each_answer_took() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let asked = [3, 40, 600].map(|ms| ask_sleep(ms).into());
    exchange(&mut haproxy, asked).await?;
    let latency = agent.statistics().await.latency;
    let filled: Vec<_> = latency.buckets().filter(|(_, count)| *count > 0).collect();
    // Powers of two of a microsecond.
    let below = |exponent| Duration::from_micros(1_u64 << exponent);
    assert_eq!(filled, [(below(12), 1), (below(16), 1), (below(20), 1)]);
    let sum = latency.sum().as_millis();
    assert!((643..660).contains(&sum), "{sum} ms");
    Ok(())
}
