//! The example `mirror`: the answer does not wait for the copy, and copies do not pile up.

use std::{process::Command, thread};

use spoa_integration::{App, Config, Load, on_every_haproxy, until};
use tokio::{net::TcpListener, time::Instant};

use crate::{
    program::free_address,
    raw::{raw_get, status},
    scene::{SOON, example},
};

/// More than wait in the queues of eight connections, wherever these are.
const REQUESTS: u64 = 1500;

/// Waits until so many copies have come.
async fn copies(mirror: &App, count: u64) {
    let come = async || (mirror.requests() == count).then_some(());
    until(&format!("{count} copies have come"), SOON, come).await.unwrap();
}

/// A whole copy, as the mirror sees it.
fn copy(mirror: &App) -> String {
    format!("GET /any?of=them HTTP/1.1\naccept: */*\nhost: {}\n", mirror.address())
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_copy_of_each_request_reaches_the_mirror_whatever_form_it_has(version: Version) {
        let mirror = App::start().await.unwrap();
        let scene = example!("mirror").argument(mirror.address().to_string()).start(version).await;
        let http = scene.http();
        let answer = http.get_with("/any?of=them", "x-secret", "not copied").await.unwrap();
        assert_eq!((answer.status, answer.text().trim_end()), (200, "welcome"));
        copies(&mirror, 1).await;
        assert_eq!(mirror.last_request(), copy(&mirror));

        let whole = "http://any.example/any?of=them";
        let answer = raw_get([127, 0, 0, 1], scene.haproxy.address(), whole).await;
        assert_eq!(status(&answer), 200, "{answer}");
        copies(&mirror, 2).await;
        assert_eq!(mirror.last_request(), copy(&mirror));

        // Over HTTP/2 every target is whole.
        let url = format!("http://{}/any?of=them", scene.haproxy.address());
        let curl = ["-sS", "--noproxy", "*", "--max-time", "20", "--http2-prior-knowledge"];
        let answer = Command::new("curl").args(curl).arg(url).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "welcome\n", "{answer:?}");
        copies(&mirror, 3).await;
        assert_eq!(mirror.last_request(), copy(&mirror));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_mirror_cannot_send_the_agent_elsewhere(version: Version) {
        let elsewhere = App::start().await.unwrap();
        let moved = format!("http://{}/moved", elsewhere.address());
        let redirect = format!("http-request redirect location {moved} if {{ path /any }}");
        let config = Config::new(version).frontend(&redirect).app(elsewhere.address());
        let mirror = config.start().await.unwrap();
        let scene = example!("mirror").argument(mirror.address().to_string()).start(version).await;
        assert_eq!(scene.text("/any").await, "welcome");
        // Its copy is sent after that of the first.
        assert_eq!(scene.text("/next").await, "welcome");
        copies(&elsewhere, 1).await;
        assert!(elsewhere.last_request().starts_with("GET /next "), "{}", elsewhere.last_request());
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

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_mirror_that_is_gone_is_told_of_once_a_second_and_no_query_is(version: Version) {
        let server = free_address().to_string();
        let scene = example!("mirror").argument(server).start(version).await;
        let started = Instant::now();
        let tally = Load::counting(1, 300).run(scene.http()).await.unwrap();
        assert_eq!(tally.of("200"), 300, "{tally:?}");
        let lines = || scene.log().matches("copies have failed").count();
        // The first, and a second later another with those that came meanwhile.
        let told = async || {
            assert_eq!(scene.text("/any?secret=1").await, "welcome");
            (lines() >= 2).then_some(())
        };
        until("it tells again", SOON, told).await.unwrap();
        let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
        let arbiters = thread::available_parallelism().unwrap().get();
        let log = scene.log();
        assert!(lines() <= seconds * arbiters, "{log}");
        assert!(log.contains("Connection refused") && !log.contains("secret"), "{log}");
    }
}
