//! The example `beside_http`: an agent and an HTTP server in one `#[tokio::main]`.

use std::fs;

use reqwest::Method;
use spoa_integration::{HttpClient, on_every_haproxy, until};

use crate::{
    program::free_address,
    scene::{SOON, Scene, example},
};

/// The bits of the signals that a process takes.
fn taken_signals(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let (_, bits) = status.split_once("SigCgt:").unwrap();
    u64::from_str_radix(bits.lines().next().unwrap().trim(), 16).unwrap()
}

async fn status_from(scene: &Scene, source: [u8; 4]) -> u16 {
    scene.http_from(source).get("/").await.unwrap().status
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn what_the_api_bans_the_agent_denies_and_both_end_in_good_order(version: Version) {
        let api = free_address();
        let example = example!("beside_http").argument(api.to_string());
        let mut scene = example.start(version).await;
        let http = HttpClient::from([127, 0, 0, 1].into(), api).unwrap();
        let change = async |method: Method| {
            let answer = http.send(method, "/banned/127.0.0.2", |request| request).await;
            answer.unwrap().status
        };
        let [known, other] = [[127, 0, 0, 2], [127, 0, 0, 3]];
        for _ in 0..3 {
            assert_eq!(status_from(&scene, known).await, 200);
            assert_eq!(change(Method::PUT).await, 204);
            assert_eq!(status_from(&scene, known).await, 403);
            assert_eq!(status_from(&scene, other).await, 200);
            assert_eq!(change(Method::DELETE).await, 204);
        }

        // Of SIGHUP, SIGINT, SIGUSR1, SIGUSR2 and SIGTERM, those that the program asks for.
        let (interrupt, terminate) = (1 << 1, 1 << 14);
        let of_interest = 1 | interrupt | 1 << 9 | 1 << 11 | terminate;
        let taken = taken_signals(scene.program.id()) & of_interest;
        assert_eq!(taken, interrupt | terminate, "{taken:b}");

        scene.program.terminate();
        let status = until("it ends", SOON, async || scene.program.status()).await.unwrap();
        assert!(status.success(), "{status}");
        assert_eq!(scene.log().lines().last(), Some("answered 9 messages"));
    }
}
