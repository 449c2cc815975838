//! Bounds: what is in flight, and what a peer leaves unread.

use spoa_actors::{Limits, Message, testing::InMemoryAgent};

use crate::support::{Result, ask_big, ask_score, registry};

#[actix_rt::test]
async fn at_the_bound_of_what_is_in_flight_reading_stops_until_something_is_answered() -> Result {
    tokio::time::pause();
    let limits = Limits { in_flight: 4, ..Limits::default() };
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..10 {
        haproxy.send_notify(Message::new("never")).await?;
    }
    haproxy.send_notify(ask_score()).await?;
    let mut most = 0;
    let mut order = Vec::new();
    for _ in 0..11 {
        order.push(haproxy.ack().await?.actions.to_string());
        most = most.max(agent.statistics().await.in_flight);
    }
    // Two times four had to be answered before the last three were read.
    let (before, after) = order.split_at(8);
    assert!(before.iter().all(|answer| answer == "set-var txn.never -1"), "{order:?}");
    assert!(after.contains(&"set-var sess.ip_score 20".to_owned()), "{order:?}");
    assert!(most <= 4, "{most}");
    Ok(())
}

#[actix_rt::test]
async fn checklist_38_a_peer_that_does_not_read_is_not_read() -> Result {
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    // Each asks for 16 KB: together 160 MB that nobody reads.
    let asking = async {
        for _ in 0..10_000 {
            haproxy.send_notify(ask_big(16_000)).await?;
        }
        Result::Ok(())
    };
    let unread = tokio::time::timeout(std::time::Duration::from_millis(300), asking).await;
    assert!(unread.is_err(), "the agent took all 10,000");
    let statistics = agent.statistics().await;
    let waiting = statistics.acks * 16_000 - statistics.bytes_out;
    let bound = Limits::default().output_buffer as u64 + 2 * 16_380;
    assert!(waiting <= bound, "{waiting} bytes wait for the peer");
    // It is not forgotten either: what was asked is answered once it reads.
    for _ in 0..statistics.acks {
        haproxy.ack().await?;
    }
    Ok(())
}
