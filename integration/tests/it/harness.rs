//! The harness itself: HAProxy starts, serves, reloads and ends, and what it says is seen.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use spoa_integration::{App, Config, Engine, Load, Version, free_port, on_every_haproxy, until};

const SOON: Duration = Duration::from_secs(10);

on_every_haproxy! {
    #[tokio::test]
    async fn the_binary_is_of_the_wanted_branch(version: Version) {
        let full = version.full().await.unwrap();
        println!("{full}");
        assert!(full.contains(&format!("version {}.", version.branch())), "{full}");
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_plain_request_reaches_the_app(version: Version) {
        let app = App::start().await.unwrap();
        let haproxy = Config::new(version).app(app.address()).start().await.unwrap();
        let answer = haproxy.http().post("/hello", "four").await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("POST /hello HTTP/1.1\n"), "{}", answer.text());
        assert!(answer.text().ends_with("body: 4\n"), "{}", answer.text());
        assert_eq!(haproxy.http().get("/status/404").await.unwrap().status, 404);
        assert_eq!(app.requests(), 2);
        haproxy.logs().line(SOON, |line| line.contains("http app/app1")).await.unwrap();
    }
}

fn engine_without_agent(name: &str) -> Engine {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    Engine::new(name)
        .agent(nobody)
        .agent_line("option set-on-error error")
        .message("check-client-ip", "ip=src", "on-frontend-http-request")
        .message("grouped", "", "")
        .group("group", "grouped")
        .timeout_processing(Duration::from_millis(300))
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_config_with_two_engines_loads_without_complaint(version: Version) {
        let haproxy = Config::new(version)
            .engine(engine_without_agent("iprep"))
            .engine(engine_without_agent("other"))
            .frontend("http-request return status 200 hdr x-error \"%[var(txn.iprep.error)]\"")
            .start()
            .await
            .unwrap();
        assert_eq!(haproxy.complaints(), Vec::<String>::new());
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn an_event_without_an_agent_is_logged_with_its_status(version: Version) {
        let config = Config::new(version).engine(engine_without_agent("iprep"));
        let haproxy = config.frontend("http-request return status 200").start().await.unwrap();
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!(answer.status, 200);
        let line = haproxy.logs().spoe_line(SOON, |line| line.agent == "iprep").await.unwrap();
        assert_eq!(line.event, "on-frontend-http-request");
        assert_ne!(line.status, 0);
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_check_of_an_agent_that_is_not_there_fails(version: Version) {
        let config = Config::new(version).engine(engine_without_agent("iprep").spop_check());
        let haproxy = config.start().await.unwrap();
        let (stats, backend, server) = (haproxy.stats(), "iprep-agents", "agent1");
        stats.check(backend, server, "L4CON", SOON).await.unwrap();
        // HAProxy shows the result of a check a moment before it takes the server down for it.
        let down = async || (!stats.status(backend, server).await.ok()?.is_up()).then_some(());
        until("the server is down", SOON, down).await.unwrap();
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_reload_replaces_the_worker_and_the_old_one_goes(version: Version) {
        let app = App::start().await.unwrap();
        let config = Config::new(version).app(app.address()).master().global("hard-stop-after 2s");
        let haproxy = config.start().await.unwrap();
        let load = Load::lasting(2, SOON);
        let running = tokio::spawn({
            let (load, http) = (load.clone(), haproxy.http().clone());
            async move { load.run(&http).await.unwrap() }
        });
        let old = haproxy.reload().await.unwrap();
        haproxy.gone(old, SOON).await.unwrap();
        load.stop();
        let tally = running.await.unwrap();
        assert_eq!(tally.of("200"), tally.total(), "{tally:?}");
        assert_eq!(haproxy.http().get("/").await.unwrap().status, 200);
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_soft_stop_ends_it(version: Version) {
        let app = App::start().await.unwrap();
        let mut haproxy = Config::new(version).app(app.address()).start().await.unwrap();
        haproxy.soft_stop().unwrap();
        assert!(haproxy.stopped(SOON).await.unwrap().success());
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_config_it_refuses_is_a_failure_in_its_own_words(version: Version) {
        let refused = Config::new(version).frontend("no-such-keyword").start().await.unwrap_err();
        assert!(refused.to_string().contains("unknown keyword 'no-such-keyword'"), "{refused}");
    }
}

#[tokio::test]
async fn a_load_by_count_asks_exactly_that_often() {
    let app = App::start().await.unwrap();
    let haproxy = Config::new(Version::V3_2).app(app.address()).start().await.unwrap();
    let tally = Load::counting(4, 100).path("/status/201").run(haproxy.http()).await.unwrap();
    assert_eq!((tally.of("201"), tally.total(), app.requests()), (100, 100, 100));
}
