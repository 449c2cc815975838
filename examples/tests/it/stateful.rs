//! The example `stateful`: its list follows a file.

use std::{thread, time::Duration};

use spoa_integration::{Scratch, on_every_haproxy, until};
use tokio::time::sleep;

use crate::scene::{SOON, Scene, dual_stack, example};

async fn answers(scene: &Scene, status: u16) {
    let answers = async || {
        let answer = scene.http().get("/").await.unwrap();
        (answer.status == status).then_some(())
    };
    until(&format!("the answer is {status}"), SOON, answers).await.unwrap();
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_blocklist_follows_its_file(version: Version) {
        let files = Scratch::new().unwrap();
        let list = files.write("blocklist", "192.0.2.1 # not us\n\n# nor this\n").unwrap();
        let mut scene = example!("stateful").argument(list).start(version).await;
        assert_eq!(scene.text("/").await, "welcome");

        files.write("blocklist", "127.0.0.1\n").unwrap();
        answers(&scene, 403).await;
        assert_eq!(scene.http_from([127, 0, 0, 2]).get("/").await.unwrap().status, 200);

        files.write("blocklist", "no address\n").unwrap();
        let told = async || scene.log().contains("\"no address\" is no address").then_some(());
        until("it tells", SOON, told).await.unwrap();
        answers(&scene, 403).await;
        // While each arbiter looks at it twice more.
        sleep(Duration::from_millis(2500)).await;
        let (log, arbiters) = (scene.log(), thread::available_parallelism().unwrap().get());
        assert!(log.matches("is no address").count() <= arbiters, "{log}");

        files.write("blocklist", "").unwrap();
        answers(&scene, 200).await;

        files.write("blocklist", "127.0.0.1\n").unwrap();
        answers(&scene, 403).await;
        scene.program.kill();
        assert_eq!(scene.text("/").await, "welcome", "it fails open");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn behind_a_dual_stack_bind_who_is_listed_is_denied(version: Version) {
        let files = Scratch::new().unwrap();
        let list = files.write("blocklist", "127.0.0.1\n::ffff:127.0.0.2\n").unwrap();
        let config = dual_stack(version, "stateful");
        let example = example!("stateful").argument(list);
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        for (client, expected) in [(1, 403), (2, 403), (3, 200)] {
            let answer = scene.http_from([127, 0, 0, client]).get("/").await.unwrap();
            assert_eq!(answer.status, expected, "127.0.0.{client}");
        }
    }
}
