//! HAProxy reloads while clients ask: no request fails by the agent.

use std::time::Duration;

use spoa_actors::{Registry, Route, RunningAgent, Statistics, handler_fn};
use spoa_integration::{Answer, Config, Haproxy, Load, Tally, Version, on_every_haproxy};

use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, shown};

const CLIENTS: usize = 16;
const RELOADS: usize = 4;

/// Far beyond what an answer takes: the streams that the engine loses wait for so long.
const PROCESSING: Duration = Duration::from_secs(2);

/// What 2.6.12 may report when connections close under load: its streams wait for a connection
/// that it does not open, until the processing timeout.
const TIMED_OUT: &str = "1";

async fn reloading(version: Version, agent: &RunningAgent) -> Haproxy {
    let engine = engine(endpoint(agent))
        .timeout_processing(PROCESSING)
        .agent_line("option dontlog-normal")
        .message("greet", "ip=src", REQUEST);
    let config = Config::new(version)
        .master()
        .global("hard-stop-after 5s")
        .threads(2)
        .engine(engine)
        .frontend("option dontlog-normal")
        .frontend(ANSWER);
    scene::start(scene::showing(config, &["var(txn.t.greeting)"])).await
}

/// Long enough for a reload to find messages under way.
fn greets_later() -> Route {
    handler_fn(async |(): ()| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        set("greeting", "hello")
    })
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

/// Asks without a pause, and reloads again and again meanwhile.
async fn reload_under_load(haproxy: &Haproxy) -> Tally {
    let load = Load::lasting(CLIENTS, 3 * SOON);
    let running = tokio::spawn({
        let (load, http) = (load.clone(), haproxy.http().clone());
        async move { load.run_by(&http, outcome).await.unwrap() }
    });
    for _ in 0..RELOADS {
        let old = haproxy.reload().await.unwrap();
        haproxy.gone(old, SOON).await.unwrap();
    }
    load.stop();
    running.await.unwrap()
}

fn all_answered(seen: &Statistics) {
    assert_eq!(seen.notifies, seen.acks + seen.in_flight, "{seen:#?}");
    assert_eq!(seen.messages.answered, seen.notifies, "{seen:#?}");
    assert_eq!((seen.in_flight, seen.connections_panicked), (0, 0), "{seen:#?}");
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_43_a_reload_under_load_loses_nothing_that_the_agent_was_asked(
        version: Version
    ) {
        let agent = scene::agent(Registry::new().on("greet", greets_later())).await;
        let haproxy = reloading(version, &agent).await;
        let tally = reload_under_load(&haproxy).await;
        let lost = tally.of(&format!("200  {TIMED_OUT}"));
        assert_eq!(tally.of("200 hello ") + lost, tally.total(), "{tally:?}");
        assert!(lost == 0 || version == Version::V2_6, "{tally:?}");
        assert!(tally.total() > (CLIENTS * RELOADS) as u64, "{tally:?}");
        logged(&haproxy, lost).await;
        all_answered(&agent.statistics().await);
    }
}

/// The log knows of the same losses and no others.
async fn logged(haproxy: &Haproxy, lost: u64) {
    let lines = haproxy.logs().spoe_lines(SOON, lost as usize).await.unwrap();
    let bad: Vec<_> = lines.iter().filter(|line| line.status != 0).collect();
    assert_eq!(bad.len() as u64, lost, "{bad:#?}");
    assert!(bad.iter().all(|line| line.status.to_string() == TIMED_OUT), "{bad:#?}");
}
