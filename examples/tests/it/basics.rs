//! The first examples: `hello`, `ip_reputation` and `raw_actor`.

use spoa_integration::{Load, on_every_haproxy};

use crate::{
    raw::{raw, status},
    scene::example,
};

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
    async fn an_address_that_comes_too_often_is_told_to_slow_down_and_no_other(version: Version) {
        let scene = example!("ip_reputation").start(version).await;
        // Over several connections, which several arbiters would share.
        let tally = Load::counting(8, 40).run(scene.http()).await.unwrap();
        assert_eq!((tally.of("200"), tally.of("429")), (10, 30), "{tally:?}");
        let other = scene.http_from([127, 0, 0, 2]).get("/").await.unwrap();
        assert_eq!((other.status, other.text().as_str()), (200, "welcome\n"));
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

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_whose_user_agent_is_no_text_is_counted_as_well(version: Version) {
        let scene = example!("ip_reputation").start(version).await;
        let mut answers = Vec::new();
        for _ in 0..11 {
            let request = b"GET / HTTP/1.0\r\nuser-agent: Mozilla/5.0 \xff\r\n\r\n";
            answers.push(status(&raw([127, 0, 0, 1], scene.haproxy.address(), request).await));
        }
        assert_eq!(answers, [[200; 10].as_slice(), &[429]].concat());
    }
}
