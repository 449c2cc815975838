//! The example `access_control`: what is not allowed is denied, and so is everything without an agent.

use spoa_integration::on_every_haproxy;

use crate::{
    raw::{half_closed, raw, raw_get, status},
    scene::{Scene, dual_stack, example, file},
};

const PUBLIC: [&str; 2] = ["/", "/public/logo"];
/// Not public; after the first, in the words of a client that would have them taken for it.
const ADMIN: [&str; 6] = [
    "/admin",
    "/public/%2e%2e/admin",
    "/public/../admin",
    "/public//admin",
    "//public/x",
    "http://any.example/public/../admin",
];

const TRUSTED: [u8; 4] = [127, 0, 0, 1];
const STRANGER: [u8; 4] = [127, 0, 0, 2];

async fn answers(scene: &Scene, from: [u8; 4], targets: &[&str], expected: u16) {
    for target in targets {
        let answer = raw_get(from, scene.haproxy.address(), target).await;
        assert_eq!(status(&answer), expected, "{target} from {from:?}: {answer}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn path_and_client_decide_and_without_an_agent_everything_is_denied(version: Version) {
        let mut scene = example!("access_control").start(version).await;
        answers(&scene, TRUSTED, &PUBLIC, 200).await;
        answers(&scene, TRUSTED, &ADMIN, 200).await;
        answers(&scene, STRANGER, &PUBLIC, 200).await;
        answers(&scene, STRANGER, &ADMIN, 403).await;

        scene.program.kill();
        answers(&scene, TRUSTED, &PUBLIC, 403).await;
        answers(&scene, TRUSTED, &ADMIN, 403).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn who_is_named_is_trusted_and_nobody_else(version: Version) {
        let example = example!("access_control").argument("192.0.2.7").argument("127.0.0.2");
        let scene = example.start(version).await;
        answers(&scene, STRANGER, &ADMIN, 200).await;
        answers(&scene, TRUSTED, &ADMIN, 403).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn behind_a_dual_stack_bind_who_is_trusted_still_is(version: Version) {
        let config = dual_stack(version, "access_control");
        let scene = example!("access_control").start_behind(config, "127.0.0.1:12345").await;
        answers(&scene, TRUSTED, &ADMIN, 200).await;
        answers(&scene, STRANGER, &ADMIN, 403).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn behind_a_proxy_on_the_same_host_the_client_is_who_the_proxy_says(version: Version) {
        let config = file(version, "haproxy/access_control.cfg", "127.0.0.1:8080")
            .replace("\n    filter spoe ", " accept-proxy\n    filter spoe ");
        let scene = example!("access_control").start_behind(config, "127.0.0.1:12345").await;
        for (client, expected) in [("127.0.0.1", 200), ("192.0.2.7", 403)] {
            let request = format!(
                "PROXY TCP4 {client} 127.0.0.1 1024 8080\r\n\
                 GET /admin HTTP/1.0\r\n\r\n"
            );
            let answer = raw(TRUSTED, scene.haproxy.address(), request.as_bytes()).await;
            assert_eq!(status(&answer), expected, "{client}: {answer}");
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_that_closes_its_sending_side_is_asked_for_as_well(version: Version) {
        let scene = example!("access_control").start(version).await;
        // HAProxy 3.3 and newer do not wait for each of them, unless they are told to.
        for _ in 0..100 {
            let answer = half_closed(scene.haproxy.address(), "/").await;
            assert_eq!(status(&answer), 200, "{answer}");
        }
    }
}
