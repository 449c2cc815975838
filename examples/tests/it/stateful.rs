//! The example `stateful`: its list follows a file.

use spoa_integration::{Scratch, on_every_haproxy, until};

use crate::scene::{SOON, Scene, example};

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
        let scene = example!("stateful").argument(list).start(version).await;
        assert_eq!(scene.text("/").await, "welcome");

        files.write("blocklist", "127.0.0.1\n").unwrap();
        answers(&scene, 403).await;
        assert_eq!(scene.http_from([127, 0, 0, 2]).get("/").await.unwrap().status, 200);

        files.write("blocklist", "no address\n").unwrap();
        let told = async || scene.log().contains("\"no address\" is no address").then_some(());
        until("it tells", SOON, told).await.unwrap();
        answers(&scene, 403).await;

        files.write("blocklist", "").unwrap();
        answers(&scene, 200).await;
    }
}
