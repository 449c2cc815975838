//! The example `supervised`: a panic is a fallback, then there is a new handler, and nobody else notices.

use spoa_integration::{on_every_haproxy, until};

use crate::{
    raw::half_closed,
    scene::{SOON, Scene, example},
};

/// Whether a handler answers that was never asked before.
async fn is_new(scene: &Scene) -> Option<()> {
    (scene.text("/?parties=4").await == "share 25, asked 1").then_some(())
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_handler_that_panics_is_a_fallback_and_then_a_new_one(version: Version) {
        let mut scene = example!("supervised").start(version).await;
        assert_eq!(scene.text("/?parties=4").await, "share 25, asked 1");
        assert_eq!(scene.text("/?parties=5").await, "share 20, asked 2");
        assert_eq!(scene.text("/?parties=0").await, "share 0, asked");
        until("there is a new one", SOON, async || is_new(&scene).await).await.unwrap();
        let log = scene.log();
        let told = log.contains("attempt to divide by zero") && log.contains("supervised.rs:");
        assert!(told && log.contains("share-out"), "{log}");

        scene.program.kill();
        let answer = scene.http().get("/?parties=4").await.unwrap();
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.text().starts_with("no answer: error "), "{answer:?}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn good_requests_have_their_shares_however_often_others_make_it_panic(version: Version) {
        const LIMIT: &str = "restart limit reached";
        let scene = example!("supervised").start(version).await;
        let panics = async || assert_eq!(scene.text("/?parties=0").await, "share 0, asked");
        let answers = async || {
            let text = scene.text("/?parties=4").await;
            assert!(text.starts_with("share 25, asked "), "{text}");
        };
        // Before the first answer each panic spends the budget.
        let spent = async || {
            panics().await;
            scene.log().contains(LIMIT).then_some(())
        };
        until("the budget is spent", SOON, spent).await.unwrap();
        answers().await;
        until("there is a new one", SOON, async || is_new(&scene).await).await.unwrap();
        // Now it has answered.
        for _ in 0..20 {
            panics().await;
            answers().await;
        }
        until("there is a new one again", SOON, async || is_new(&scene).await).await.unwrap();
        let log = scene.log();
        assert_eq!(log.matches(LIMIT).count(), 1, "{log}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_that_closes_its_sending_side_has_its_share(version: Version) {
        let scene = example!("supervised").start(version).await;
        for _ in 0..100 {
            let answer = half_closed(scene.haproxy.address(), "/?parties=4").await;
            assert!(answer.contains("\nshare 25, asked "), "{answer}");
        }
    }
}
