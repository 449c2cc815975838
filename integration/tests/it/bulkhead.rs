//! A route that never answers, and one that goes on meanwhile.

use std::future::pending;
use std::time::Duration;

use spoa_actors::{ActionError, Actions, Registry, Route, RunningAgent, Scope};
use spoa_integration::{Answer, Haproxy, Load, Tally, Version, on_every_haproxy};

use crate::fleet::CLIENTS;
use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, set, shown, statistics};

/// What each request to the route that never answers waits for.
const DEADLINE: Duration = Duration::from_millis(500);

/// How long each round takes, one after the other with and without the requests that wait.
const ROUND: Duration = Duration::from_millis(300);
const ROUNDS: usize = 5;

/// Far above what two rounds differ by chance, and far below what one that waits for a neighbour's
/// deadline would show: an answer takes some 10 ms.
const RATIO: u32 = 8;

fn registry() -> Registry {
    let fallback = Actions::new().set_var(Scope::Transaction, "greeting", "fallback").unwrap();
    let greet = Route::new(async |(): ()| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        set("greeting", "hello")
    });
    let never = Route::new(async |(): ()| pending::<Result<Actions, ActionError>>().await);
    Registry::new()
        .on("greet", greet.fallback(fallback.clone()))
        .on("never", never.deadline(DEADLINE).fallback(fallback))
}

async fn asking(version: Version, agent: &RunningAgent) -> Haproxy {
    let engine = engine(endpoint(agent))
        .message("greet", "ip=src", &format!("{REQUEST} if {{ path /greet }}"))
        .message("never", "ip=src", &format!("{REQUEST} if {{ path /never }}"));
    scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

async fn greet(haproxy: &Haproxy) -> Tally {
    let load = Load::lasting(CLIENTS / 2, ROUND).path("/greet");
    load.run_by(haproxy.http(), outcome).await.unwrap()
}

/// The same while every other client waits for an answer that never comes.
async fn greet_beside_never(haproxy: &Haproxy, agent: &RunningAgent) -> (Tally, Tally) {
    let load = Load::lasting(CLIENTS, SOON).path("/never").begin(haproxy.http(), outcome);
    statistics(agent, |seen| seen.notifies_in_flight >= CLIENTS as u64).await;
    let greeted = greet(haproxy).await;
    (greeted, load.end().await.unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_route_that_never_answers_delays_no_other(version: Version) {
        let _turn = scene::turn().await;
        let agent = scene::agent(registry()).await;
        let haproxy = asking(version, &agent).await;
        let (mut alone, mut beside, mut greeted, mut waited) = (vec![], vec![], 0, 0);
        for _ in 0..ROUNDS {
            let tally = greet(&haproxy).await;
            let (tally_beside, never) = greet_beside_never(&haproxy, &agent).await;
            for (tally, percentiles) in [(&tally, &mut alone), (&tally_beside, &mut beside)] {
                assert_eq!(tally.of("200 hello "), tally.total(), "{tally:?}");
                greeted += tally.total();
                percentiles.push(tally.percentile(99));
            }
            assert_eq!(never.of("200 fallback "), never.total(), "{never:?}");
            waited += never.total();
        }
        let (alone, beside) = (median(alone), median(beside));
        println!("{version}: p99 {alone:?} alone, {beside:?} beside {waited} that never answer");
        assert!(beside < RATIO * alone, "{beside:?} instead of {alone:?}");
        let seen = agent.statistics().await;
        let outcomes = (seen.messages.answered, seen.messages.deadline_exceeded, seen.messages.agent_overloaded);
        assert_eq!(outcomes, (greeted, waited, 0), "none of the other route's was late");
        assert_eq!((seen.acks, seen.connections_panicked), (seen.notifies, 0));
    }
}
