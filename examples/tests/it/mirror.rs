//! The example `mirror`: the answer does not wait for the copy, and copies do not pile up.

use spoa_integration::{App, Load, on_every_haproxy, until};
use tokio::net::TcpListener;

use crate::scene::{SOON, example};

/// More than wait in the queues of eight connections, wherever these are.
const REQUESTS: u64 = 1500;

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_copy_of_each_request_reaches_the_mirror(version: Version) {
        let mirror = App::start().await.unwrap();
        let server = mirror.address().to_string();
        let scene = example!("mirror").argument(server).start(version).await;
        for _ in 0..3 {
            assert_eq!(scene.text("/any?of=them").await, "welcome");
        }
        let copied = async || (mirror.requests() == 3).then_some(());
        until("three copies have come", SOON, copied).await.unwrap();
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_mirror_that_does_not_answer_costs_copies_and_no_request(version: Version) {
        // It takes connections, and says nothing.
        let mirror = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = mirror.local_addr().unwrap().to_string();
        let scene = example!("mirror").argument(server).start(version).await;
        let tally = Load::counting(8, REQUESTS).run(scene.http()).await.unwrap();
        assert_eq!(tally.of("200"), REQUESTS, "{tally:?}");
        let told = async || scene.log().contains("copies have found the queue full").then_some(());
        until("it tells of the dropped copies", SOON, told).await.unwrap();
    }
}
