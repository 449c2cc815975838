//! The first examples: `hello`, `ip_reputation` and `raw_actor`; and what all of them log.

use std::{fs, path::Path};

use spoa_integration::{Config, Load, Scratch, on_every_haproxy, until};

use crate::{
    raw::{raw, status},
    scene::{SOON, example},
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

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_message_that_nobody_handles_is_told_in_the_log_without_colours(version: Version) {
        let auth = example!("auth").variable("SESSION_KEY", &"k".repeat(32));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("haproxy");
        let files = Scratch::new().unwrap();
        let stateful = example!("stateful").argument(files.write("blocklist", "").unwrap());
        for (name, example, message) in [
            ("access_control", example!("access_control"), "check-access"),
            ("auth", auth, "check-session"),
            ("ip_reputation", example!("ip_reputation"), "get-ip-reputation"),
            ("mirror", example!("mirror"), "mirror-request"),
            ("stateful", stateful, "check-blocklist"),
            ("supervised", example!("supervised"), "share-out"),
        ] {
            let (main, engine) = (format!("{name}.cfg"), format!("{name}.spoe.conf"));
            let text = |file| fs::read_to_string(folder.join(file)).unwrap();
            let main = files.write(&main, &text(&main)).unwrap();
            files.write(&engine, &text(&engine).replace(message, "another")).unwrap();
            let config = Config::file(version, main, "127.0.0.1:8080");
            let scene = example.start_behind(config, "127.0.0.1:12345").await;
            scene.http().get("/").await.unwrap();
            let told = async || scene.log().contains("a message without a route").then_some(());
            until(&format!("{name} tells"), SOON, told).await.unwrap();
            assert!(!scene.log().contains('\u{1b}'), "{}", scene.log());
        }
    }
}
