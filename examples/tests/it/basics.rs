//! The first examples: `hello`, `ip_reputation` and `raw_actor`.

use spoa_integration::on_every_haproxy;

use crate::scene::example;

on_every_haproxy! {
    #[actix_rt::test]
    async fn hello_scores_a_loopback_address(version: Version) {
        let scene = example!("hello").start(version).await;
        let answer = scene.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-ip-score")), (200, Some("20")));
        assert_eq!(answer.text(), "score 20\n");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn ip_reputation_scores_a_client(version: Version) {
        let scene = example!("ip_reputation").start(version).await;
        let answer = scene.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-ip-score")), (200, Some("20")));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_raw_actor_numbers_the_requests(version: Version) {
        let scene = example!("raw_actor").start(version).await;
        for number in 1..=5 {
            let text = scene.text("/").await;
            assert!(text.starts_with(&format!("request {number} through 127.0.0.1:")), "{text}");
        }
    }
}
