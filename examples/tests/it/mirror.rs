//! The example `mirror`: the answer does not wait for the copy, and copies do not pile up.

use std::process::Command;

use spoa_integration::{App, Config, Load, on_every_haproxy, until};
use tokio::net::TcpListener;

use crate::{
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
