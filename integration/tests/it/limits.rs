//! An agent that is full, as HAProxy sees it.

use std::time::Duration;

use spoa_actors::{Limits, Registry};
use spoa_integration::{Config, on_every_haproxy, until};
use tokio::net::TcpStream;

use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, sets, shown, statistics};

fn registry(greeting: &'static str) -> Registry {
    Registry::new().on("greet", sets("greeting", greeting))
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_10_an_agent_that_is_full_is_not_stormed(version: Version) {
        let limits = Limits::default().connections(1);
        let agent = scene::agent_within(limits, registry("hello")).await;
        let engine = engine(endpoint(&agent))
            .timeout_processing(Duration::from_secs(1))
            .message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;

        let only_place = TcpStream::connect(agent.local_addresses()[0]).await.unwrap();
        statistics(&agent, |seen| seen.connections_open == 1).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!(shown(&answer), [""]);
        assert_ne!(error(&answer), "");
        let seen = statistics(&agent, |seen| seen.connections_refused > 0).await;
        // Told at once, HAProxy up to 3.0 would have come back a thousand times.
        assert!(seen.connections_refused < 30, "{}", seen.connections_refused);

        drop(only_place);
        let greeted = until("there is a place again", SOON, async || {
            let answer = haproxy.http().get("/").await.ok()?;
            (shown(&answer) == ["hello"]).then_some(())
        });
        greeted.await.unwrap();
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_09_a_full_agent_is_up_and_what_it_refuses_is_asked_elsewhere(
        version: Version
    ) {
        // The connection that takes the only place says nothing.
        let (refusal_delay, hello_timeout) = (Duration::from_millis(20), 6 * SOON);
        let limits = Limits::default().connections(1).refusal_delay(refusal_delay).hello_timeout(hello_timeout);
        let full = scene::agent_within(limits, registry("full")).await;
        let _only_place = TcpStream::connect(full.local_addresses()[0]).await.unwrap();
        statistics(&full, |seen| seen.connections_open == 1).await;
        let other = scene::agent(registry("other")).await;
        let engine = engine(endpoint(&full))
            .agent(endpoint(&other))
            .backend_line("balance roundrobin")
            .backend_line("option redispatch 1")
            .spop_check()
            .message("greet", "", REQUEST);
        let config = Config::new(version).engine(engine).frontend(scene::ANSWER);
        let haproxy = scene::showing(config, &["var(txn.t.greeting)"]).start().await.unwrap();
        for _ in 0..10 {
            let answer = haproxy.http().get("/").await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec!["other"], ""));
        }
        // As many as would have been enough to see it down.
        let seen = statistics(&full, |seen| seen.healthchecks > 3).await;
        assert_eq!((seen.hellos, seen.healthchecks_refused), (0, 0));
        assert!(haproxy.stats().status("t-agents", "agent1").await.unwrap().is_up());
    }
}
