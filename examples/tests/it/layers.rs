//! The example `layers`: a cached answer asks no handler, and the new one answers for its share of users.

use spoa_integration::on_every_haproxy;

use crate::scene::{Scene, example};

async fn discount(scene: &Scene, user: &str) -> String {
    let answer = scene.http().get_with("/", "x-user", user).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.text().trim_end().to_owned()
}

/// How often a handler was asked for a user.
fn asked(scene: &Scene, handler: &str, user: &str) -> usize {
    let log = scene.log();
    let line = format!("asked the {handler} handler user=\"{user}\"");
    log.lines().filter(|said| said.contains(&line)).count()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_same_question_asks_the_handler_once(version: Version) {
        let scene = example!("layers").start(version).await;
        for _ in 0..10 {
            assert_eq!(discount(&scene, "alice").await, "discount 5");
            assert_eq!(discount(&scene, "bob").await, "discount 10");
        }
        let counts = [("old", "alice"), ("new", "alice"), ("old", "bob"), ("new", "bob")]
            .map(|(handler, user)| asked(&scene, handler, user));
        assert_eq!(counts, [1, 0, 0, 1], "{}", scene.log());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn three_users_in_ten_get_the_new_answer_also_after_a_restart(version: Version) {
        let mut before = Vec::new();
        for _ in 0..2 {
            let scene = example!("layers").start(version).await;
            let mut new = Vec::new();
            for number in 0..100 {
                let user = format!("user {number}");
                let discount = discount(&scene, &user).await;
                let is_new = discount == "discount 10";
                assert!(is_new || discount == "discount 5", "{discount}");
                assert_eq!(asked(&scene, "new", &user), usize::from(is_new));
                new.push(is_new);
            }
            let count = new.iter().filter(|is_new| **is_new).count();
            assert!((20..40).contains(&count), "{count} of 100");
            assert!(before.is_empty() || before == new);
            before = new;
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn without_a_user_no_handler_is_asked(version: Version) {
        let scene = example!("layers").start(version).await;
        assert_eq!(scene.text("/").await, "discount 0");
        assert!(!scene.log().contains("asked the "), "{}", scene.log());
    }
}
