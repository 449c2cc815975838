//! HAProxy reloads while clients ask: no request fails by the agent.

use std::time::Duration;

use spoa_actors::{Registry, Route, RunningAgent, observe::Statistics};
use spoa_integration::{Answer, Config, Haproxy, Load, Tally, Version, on_every_haproxy};

use crate::fleet::CLIENTS;
use crate::losses::Losses;
use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, shown};

const RELOADS: usize = 20;

/// Far beyond what an answer takes: the streams that the engine loses wait for so long.
const PROCESSING: Duration = Duration::from_secs(2);

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
    Route::new(async |(): ()| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        set("greeting", "hello")
    })
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

/// Asks without a pause, and reloads again and again meanwhile.
async fn reload_under_load(haproxy: &Haproxy) -> Tally {
    let load = Load::lasting(CLIENTS, 6 * SOON).begin(haproxy.http(), outcome);
    for _ in 0..RELOADS {
        load.answers(CLIENTS as u64).await.unwrap();
        let old = haproxy.reload().await.unwrap();
        haproxy.gone(old, SOON).await.unwrap();
    }
    load.end().await.unwrap()
}

fn all_answered(seen: &Statistics) {
    assert_eq!(seen.notifies, seen.acks + seen.notifies_in_flight, "{seen:#?}");
    assert_eq!(seen.messages.answered, seen.notifies, "{seen:#?}");
    assert_eq!((seen.notifies_in_flight, seen.connections_panicked), (0, 0), "{seen:#?}");
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_43_twenty_reloads_under_load_lose_nothing_that_the_agent_was_asked(
        version: Version
    ) {
        let _turn = scene::turn().await;
        let agent = scene::agent(Registry::new().on("greet", greets_later())).await;
        let haproxy = reloading(version, &agent).await;
        let losses = Losses::of(&reload_under_load(&haproxy).await, &haproxy).await;
        println!("{version}, {RELOADS} reloads: {losses}");
        assert!(losses.sent.is_empty(), "{losses:#?}");
        assert!(losses.by_engine.is_empty() || version == Version::V2_6, "{losses:#?}");
        all_answered(&agent.statistics().await);
    }
}
