//! The examples of docs/state.md: `counter`, `http_client`, `database` and `file_reload`.

use std::{net::TcpListener, process::Command, time::Duration};

use spoa_integration::{Config, Scratch, Version, on_every_haproxy, until};
use tokio::time::Instant;

use crate::{
    program::free_address,
    scene::{SOON, Scene, example, file},
};

/// Where the examples are, in their HAProxy files.
const AGENT: &str = "127.0.0.1:12345";

on_every_haproxy! {
    #[actix_rt::test]
    async fn all_worker_threads_count_in_one_counter(version: Version) {
        let scene = example!("counter").argument("--worker-threads").argument("3").start(version).await;
        for number in 1..=20 {
            assert_eq!(scene.text("/").await, format!("request {number}"));
        }
    }
}

/// HAProxy in front of the example, with the service in it.
fn with_service(version: Version) -> (Config, String) {
    let service = free_address().to_string();
    let config = file(version, "haproxy/http_client.cfg", "127.0.0.1:8080");
    (config.replace("127.0.0.1:8000", &service), format!("http://{service}/"))
}

async fn status_of(scene: &Scene, token: &str) -> u16 {
    scene.http().get_with("/", "x-token", token).await.unwrap().status
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_service_is_asked_whether_it_knows_the_token(version: Version) {
        let (config, service) = with_service(version);
        let example = example!("http_client").argument("--service").argument(service);
        let scene = example.start_behind(config, AGENT).await;
        // HAProxy may be busy with its start when the first request is due.
        let known = async || (status_of(&scene, "secret").await == 200).then_some(());
        until("the token is known", SOON, known).await.unwrap();
        assert_eq!(status_of(&scene, "guess").await, 403);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_service_that_hangs_costs_no_more_than_the_deadline(version: Version) {
        let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = format!("http://{}/", hangs.local_addr().unwrap());
        let (config, _) = with_service(version);
        let example = example!("http_client").argument("--service").argument(service);
        let scene = example.start_behind(config, AGENT).await;
        let started = Instant::now();
        assert_eq!(status_of(&scene, "secret").await, 403);
        assert!(started.elapsed() < Duration::from_secs(10));
        let said = async || scene.log().contains("error sending request").then_some(());
        until("the log has the client's error", SOON, said).await.unwrap();
        assert!(scene.log().contains("txn.allowed false"), "{}", scene.log());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_customer_is_looked_up_in_a_database(version: Version) {
        let files = Scratch::new().unwrap();
        let database = files.join("customers.db");
        let example = example!("database").argument("--database").argument(&database);
        let scene = example.start(version).await;
        let plan = async |key: &str| {
            let answer = scene.http().get_with("/", "x-api-key", key).await.unwrap();
            (answer.status, answer.text().trim_end().to_owned())
        };
        // There is no table yet: the fallback.
        assert_eq!(plan("k-1").await, (200, "plan".to_owned()));
        assert!(scene.log().contains("no such table: customers"), "{}", scene.log());
        let head = include_str!("../../src/bin/database.rs");
        let commands = head.lines().filter_map(|line| line.strip_prefix("//! sqlite3 customers.db "));
        let mut count = 0;
        for statement in commands {
            let statement = statement.trim_matches('"');
            deadpool_sqlite::rusqlite::Connection::open(&database).unwrap().execute(statement, ()).unwrap();
            count += 1;
        }
        assert_eq!(count, 2);
        assert_eq!(plan("k-1").await, (200, "plan gold".to_owned()));
        assert_eq!(plan("' OR ''='").await, (200, "plan".to_owned()));
        assert_eq!(plan("k-2").await, (200, "plan".to_owned()));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_file_is_read_again_beside_the_requests(version: Version) {
        let files = Scratch::new().unwrap();
        let list = files.write("blocklist", "192.0.2.1\n").unwrap();
        let example = example!("file_reload").argument("--blocklist").argument(list);
        let scene = example.argument("--worker-threads").argument("3").start(version).await;
        assert_eq!(scene.text("/").await, "welcome");
        let answers = async |status| {
            let answer = async || (scene.http().get("/").await.unwrap().status == status).then_some(());
            until(&format!("the answer is {status}"), SOON, answer).await.unwrap();
        };
        files.write("blocklist", "127.0.0.1\n").unwrap();
        answers(403).await;
        files.write("blocklist", "no address\n").unwrap();
        let said = async || scene.log().contains("the last blocklist stays in use").then_some(());
        until("the log says so", SOON, said).await.unwrap();
        assert_eq!(scene.http().get("/").await.unwrap().status, 403);
        files.write("blocklist", "").unwrap();
        answers(200).await;
    }
}

#[test]
fn without_its_file_the_agent_does_not_start_and_says_why() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_file_reload"));
    let output =
        program.args(["--blocklist", "/nowhere", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("could not start: No such file or directory"), "{said}");
}
