//! The example `access_control`: what is not allowed is denied, and so is everything without an agent.

use spoa_integration::{HttpClient, on_every_haproxy};

use crate::scene::example;

async fn statuses(http: &HttpClient, paths: [&str; 4]) -> [u16; 4] {
    let mut statuses = [0; 4];
    for (status, path) in statuses.iter_mut().zip(paths) {
        *status = http.get(path).await.unwrap().status;
    }
    statuses
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn path_and_client_decide_and_without_an_agent_everything_is_denied(version: Version) {
        let mut scene = example!("access_control").start(version).await;
        let paths = ["/", "/public/logo", "/admin", "/public/%2e%2e/admin"];
        let stranger = scene.http_from([127, 0, 0, 2]);
        assert_eq!(statuses(scene.http(), paths).await, [200; 4]);
        assert_eq!(statuses(&stranger, paths).await, [200, 200, 403, 403]);

        scene.program.kill();
        assert_eq!(statuses(scene.http(), paths).await, [403; 4]);
    }
}
