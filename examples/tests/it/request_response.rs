//! The example `request_response`: each response is told what its request was, whoever is asked about it.

use std::process::Command;

use spoa_integration::{App, Config, Version, on_every_haproxy};
use tokio::task::JoinSet;

use crate::{
    program::{Program, connect, free_address},
    scene::{Scene, example, file},
};

const REQUESTS: usize = 60;

fn config(version: Version, app: &App) -> Config {
    file(version, "haproxy/request_response.cfg", "127.0.0.1:8080")
        .replace("127.0.0.1:8000", app.address().to_string())
}

/// Every response has its request, of many at a time.
async fn all_are_told(scene: &Scene) {
    let mut clients = JoinSet::new();
    for number in 0..REQUESTS {
        let http = scene.http().clone();
        clients.spawn(async move {
            let path = format!("/{number}");
            let answer = http.get(&path).await.unwrap();
            let told = answer.header("x-told").map(str::to_owned);
            (told == Some(format!("{path} was answered with 200"))).then_some(path)
        });
    }
    let found = clients.join_all().await.into_iter().flatten().count();
    assert_eq!(found, REQUESTS);
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_response_is_told_its_request_on_all_worker_threads(version: Version) {
        let app = App::start().await.unwrap();
        let example = example!("request_response");
        let scene = example.start_behind(config(version, &app), "127.0.0.1:12345").await;
        all_are_told(&scene).await;
        assert_eq!(app.requests(), REQUESTS as u64);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_response_is_told_its_request_on_two_agents(version: Version) {
        let app = App::start().await.unwrap();
        let other = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_request_response"));
        let _program = Program::start(command.arg(other.to_string()));
        drop(connect(other).await);
        let second = format!("balance roundrobin\n    server agent2 {other} check inter 2s\n");
        let config = config(version, &app).replace("balance roundrobin\n", second);
        let example = example!("request_response");
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        all_are_told(&scene).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_that_fails_to_log_in_is_refused_after_ten_times(version: Version) {
        let app = App::start().await.unwrap();
        let example = example!("request_response");
        let scene = example.start_behind(config(version, &app), "127.0.0.1:12345").await;
        for _ in 0..10 {
            let answer = scene.http().get("/status/401").await.unwrap();
            let told = Some("/status/401 was answered with 401");
            assert_eq!((answer.status, answer.header("x-told")), (401, told));
        }
        assert_eq!(scene.http().get("/").await.unwrap().status, 429);
        assert_eq!(scene.http_from([127, 0, 0, 2]).get("/").await.unwrap().status, 200);
        assert_eq!(app.requests(), 11, "HAProxy refuses it");
    }
}
