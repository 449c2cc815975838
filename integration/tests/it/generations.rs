//! An agent takes other handlers a hundred times while HAProxy asks: no request notices.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use spoa_actors::observe::ReloadOutcome;
use spoa_actors::{
    Actions, Agent, BoxError, HandlerActor, Origin, Registry, ReloadError, Route, RunningAgent,
    Tasks,
};
use spoa_integration::{Answer, Config, Haproxy, Load, Version, on_every_haproxy, until};

use crate::losses::Losses;
use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, sets, shown};

const RELOADS: usize = 100;
const CLIENTS: usize = 8;
const ARBITERS: usize = 2;
/// Behind the messages with a version: one that comes and goes, and one that stays as it is.
const MESSAGES: [&str; 4] = ["first", "second", "other", "kept"];

/// Answers with its version, at once or a little later. What it is made from holds `token`.
fn version(number: usize, later: bool, name: &'static str, token: &Arc<()>) -> Route {
    let token = Arc::clone(token);
    Route::new(move |(): ()| {
        let _held = &token;
        async move {
            if later {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            set(name, number.to_string().as_str())
        }
    })
}

/// Does not start.
struct Fails;

#[async_trait(?Send)]
impl HandlerActor for Fails {
    type Args = ();

    async fn started(&self, _: &Tasks) -> Result<(), BoxError> {
        Err("as asked".into())
    }

    async fn handle(&self, (): (), _: &Origin) -> Result<Actions, BoxError> {
        Ok(Actions::new())
    }
}

/// The routes of a generation: two of one version, one that every second has, and one that all have.
fn registry(number: usize, kept: &Route, token: &Arc<()>) -> Registry {
    let registry = Registry::new()
        .on("first", version(number, true, "first", token))
        .on("second", version(number, false, "second", token))
        .on("kept", kept.clone());
    if number.is_multiple_of(2) { registry.on("other", sets("other", "there")) } else { registry }
}

async fn asking(version: Version, agent: &RunningAgent) -> Haproxy {
    let engine = engine(endpoint(agent)).agent_line("option dontlog-normal");
    let engine = MESSAGES.iter().fold(engine, |engine, name| engine.message(name, "", REQUEST));
    let config = Config::new(version).threads(2).engine(engine);
    let config = config.frontend("option dontlog-normal").frontend(ANSWER);
    let names = MESSAGES.map(|name| format!("var(txn.t.{name})"));
    scene::start(scene::showing(config, &names)).await
}

/// Whether both versions of one NOTIFY are the same, and the others as they may be.
fn outcome(answer: &Answer) -> String {
    let shown = shown(answer);
    let is_one = !shown[0].is_empty() && shown[0] == shown[1];
    let others = ["", "there"].contains(&shown[2]) && shown[3] == "kept";
    let judged = if is_one && others { "one" } else { "mixed" };
    format!("{} {judged} {}", answer.status, error(answer))
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_hundred_reloads_under_load_lose_nothing_and_mix_no_notify(version: Version) {
        let _turn = scene::turn().await;
        let (token, kept) = (Arc::new(()), sets("kept", "kept"));
        let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::new(ARBITERS).unwrap());
        let agent = agent.start(registry(0, &kept, &token)).await.unwrap();
        let haproxy = asking(version, &agent).await;
        let load = Load::lasting(CLIENTS, Duration::from_secs(60)).begin(haproxy.http(), outcome);
        for number in 1..=RELOADS {
            let next = registry(number, &kept, &token);
            assert_eq!(agent.reload(next).await.unwrap(), number as u64 + 1);
            let answer = haproxy.http().get("/").await.unwrap();
            assert_eq!(shown(&answer)[0], number.to_string(), "reload has returned");
            if number % 10 == 0 {
                let bad = registry(usize::MAX, &kept, &token).on("bad", || Fails);
                let failed = agent.reload(bad).await.unwrap_err();
                assert!(matches!(failed, ReloadError::Agent(_)), "{failed}");
            }
            load.answers(CLIENTS as u64).await.unwrap();
        }
        let tally = load.end().await.unwrap();
        let mixed = tally.counts.keys().filter(|key| key.contains("mixed")).count();
        assert_eq!(mixed, 0, "{tally:?}");
        let losses = Losses::of(&tally, &haproxy).await;
        println!("{version}, {RELOADS} reloads: {losses}");
        assert!(losses.sent.is_empty(), "{losses:#?}");
        assert!(losses.by_engine.is_empty() || version == Version::V2_6, "{losses:#?}");

        let seen = agent.statistics().await;
        assert_eq!(seen.reloads.count(ReloadOutcome::Ok), RELOADS as u64);
        assert_eq!(seen.reloads.count(ReloadOutcome::Failed), RELOADS as u64 / 10);
        assert_eq!(seen.messages.answered + seen.messages_without_route, 4 * seen.notifies);
        // Ours, and those of the two routes of the last generation, in its blueprint and on the arbiters.
        let is_flat = async || (Arc::strong_count(&token) <= 1 + 2).then_some(());
        until("nothing of the old generations is left", SOON, is_flat).await.unwrap();
    }
}
