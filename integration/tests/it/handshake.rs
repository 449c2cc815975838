//! HELLO, and HELLO as a health check.

use spoa_actors::{Agent, Limits, Registry, RunningAgent};
use spoa_integration::{Endpoint, Haproxy, Scratch, Version, on_every_haproxy};

use crate::scene::{self, REQUEST, SOON, engine, sets, shown, statistics};

/// A check passes ten times a second; three of them are a habit.
const CHECKS: u64 = 3;

async fn checked(version: Version, agent: impl Into<Endpoint>) -> Haproxy {
    let engine = engine(agent).spop_check().message("greet", "", REQUEST);
    let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
    let status = haproxy.stats().check("t-agents", "agent1", "L7OK", SOON).await.unwrap();
    assert!(status.is_up());
    haproxy
}

fn registry() -> Registry {
    Registry::new().on("greet", sets("greeting", "hello"))
}

async fn greets_after_checks(haproxy: &Haproxy, agent: &RunningAgent) {
    let seen = statistics(agent, |seen| seen.healthchecks >= CHECKS).await;
    assert_eq!((seen.hellos, seen.hellos_refused, seen.notifies), (0, 0, 0));
    let answer = haproxy.http().get("/").await.unwrap();
    assert_eq!(shown(&answer), ["hello"]);
    let seen = agent.statistics().await;
    assert_eq!((seen.hellos > 0, seen.notifies, seen.acks), (true, 1, 1));
    assert_eq!(seen.disconnects_sent.iter().count(), 0);
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_09_a_check_passes_and_is_no_session(version: Version) {
        let agent = scene::agent(registry()).await;
        let haproxy = checked(version, scene::endpoint(&agent)).await;
        greets_after_checks(&haproxy, &agent).await;
        let status = haproxy.stats().status("t-agents", "agent1").await.unwrap();
        assert_eq!(status.number("chkfail"), Some(0));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_a_check_passes_on_a_unix_socket(version: Version) {
        let scratch = Scratch::new().unwrap();
        let path = scratch.join("agent");
        let agent = Agent::new().listen_unix(&path, None).unwrap();
        let agent = agent.start(registry()).await.unwrap();
        let haproxy = checked(version, path).await;
        greets_after_checks(&haproxy, &agent).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_07_an_agent_of_the_smallest_frames_passes_checks_and_answers(
        version: Version
    ) {
        let limits = Limits::default().max_frame_size(256);
        let agent = scene::agent_within(limits, registry()).await;
        let haproxy = checked(version, scene::endpoint(&agent)).await;
        greets_after_checks(&haproxy, &agent).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn connections_of_checks_do_not_stay_open(version: Version) {
        let agent = scene::agent(registry()).await;
        let haproxy = checked(version, scene::endpoint(&agent)).await;
        statistics(&agent, |seen| seen.healthchecks >= CHECKS).await;
        drop(haproxy);
        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!(seen.connections_accepted, seen.healthchecks);
    }
}
