//! An answer that HAProxy no longer waits for.

use std::sync::Arc;
use std::time::Duration;

use spoa_actors::Registry;
use spoa_actors::spop::FrameType;
use spoa_integration::on_every_haproxy;
use tokio::sync::Semaphore;

use crate::pipelining::{Tapped, get, got, on_one_connection, one_ack_each, tapped, waits};
use crate::scene::{self, SOON, error, sets, shown};

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_answer_to_a_client_that_has_left_disturbs_nobody(version: Version) {
        let permits = Arc::new(Semaphore::new(0));
        let registry = Registry::new().on("slow", waits(&permits)).on("fast", sets("name", "fast"));
        let agent = scene::agent(registry).await;
        let build = |engine| on_one_connection(version, engine);
        let tapped = tapped(version, agent, build).await;
        let client = get(tapped.haproxy.http(), "/slow");
        tapped.tap.seen(FrameType::NOTIFY, 1, SOON).await.unwrap();
        client.abort();
        answered_too_late(&tapped, &permits).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_answer_after_the_processing_timeout_disturbs_nobody(version: Version) {
        let permits = Arc::new(Semaphore::new(0));
        let registry = Registry::new().on("slow", waits(&permits)).on("fast", sets("name", "fast"));
        let agent = scene::agent(registry).await;
        let build = |engine| {
            on_one_connection(version, engine).timeout_processing(Duration::from_millis(500))
        };
        let tapped = tapped(version, agent, build).await;
        let slow = tapped.haproxy.http().get("/slow").await.unwrap();
        assert_eq!((shown(&slow), error(&slow)), (vec![""], "1"));
        answered_too_late(&tapped, &permits).await;
    }
}

/// Gives the answer that nobody waits for; the same connection then answers as before.
async fn answered_too_late(Tapped { agent, haproxy, tap }: &Tapped, permits: &Semaphore) {
    permits.add_permits(1);
    tap.seen(FrameType::ACK, 1, SOON).await.unwrap();
    for _ in 0..5 {
        got([("fast", get(haproxy.http(), "/fast"))]).await;
    }
    one_ack_each(&tap.frames(), tap.connections());
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.connections_accepted), (6, 6, 1));
}
