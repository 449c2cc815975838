//! The example `auth`: a signed cookie is a user, and whoever has none is sent to the login.

use spoa_integration::{Answer, on_every_haproxy};

use crate::scene::{Scene, example};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Until 2100. The signature was made by `openssl dgst -sha256 -hmac KEY`.
const SESSION: &str =
    "ann.4102444800.303db9c934d9b1ca0c7f9d587e5f8e7aa22e555c552785216331df4d0b6453a2";

async fn shop(scene: &Scene, session: &str) -> Answer {
    scene.http().get_with("/shop?a=1", "cookie", &format!("a=b; session={session}")).await.unwrap()
}

fn is_sent_to_the_login(answer: &Answer) -> bool {
    answer.status == 302 && answer.header("location") == Some("/login?next=%2Fshop%3Fa%3D1")
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn who_has_a_signed_session_comes_in_and_nobody_else(version: Version) {
        let mut scene = example!("auth").variable("SESSION_KEY", KEY).start(version).await;
        let answer = shop(&scene, SESSION).await;
        assert_eq!((answer.status, answer.header("x-user")), (200, Some("ann")));

        let none = scene.http().get_with("/shop?a=1", "x-user", "ann").await.unwrap();
        assert!(is_sent_to_the_login(&none), "{none:?}");
        for wrong in [SESSION.replace("ann", "bob"), SESSION.replace("ann.4", "ann.5"), "x".into()] {
            let answer = shop(&scene, &wrong).await;
            assert!(is_sent_to_the_login(&answer), "{wrong}: {answer:?}");
        }
        assert_eq!(scene.text("/login").await, "log in here");

        scene.program.kill();
        let answer = shop(&scene, SESSION).await;
        assert!(is_sent_to_the_login(&answer), "without an agent: {answer:?}");
    }
}
