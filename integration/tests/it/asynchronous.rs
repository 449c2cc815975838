//! `async`: a connection breaks while messages are under way on it, and others of its engine stay.

use std::collections::HashSet;
use std::num::NonZero;
use std::time::Duration;

use spoa_actors::spop::FrameType;
use spoa_actors::{Agent, Registry, Route, RunningAgent};
use spoa_integration::{
    Answer, Haproxy, Load, Tally, Tap, Version, on_every_haproxy, on_old_engines,
};

use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, set, shown, statistics};

/// HAProxy opens about one connection for each, though it may not use them all.
const REQUESTS: usize = 12;

/// Long enough to cut a connection meanwhile, also on a busy machine.
const HANDLING: Duration = Duration::from_secs(1);

/// What HAProxy says of a NOTIFY whose connection was lost.
const CONNECTION_LOST: &str = "257";

async fn agent(is_asynchronous: bool) -> RunningAgent {
    let later = Route::new(async |(): ()| {
        tokio::time::sleep(HANDLING).await;
        set("greeting", "hello")
    });
    let agent = Agent::bind("127.0.0.1:0").unwrap().asynchronous(is_asynchronous);
    let agent = agent.deadline(2 * HANDLING).arbiters(NonZero::new(2).unwrap());
    agent.start(Registry::new().on("greet", later)).await.unwrap()
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

/// A connection with a NOTIFY that has no ACK yet.
fn asked(tap: &Tap) -> usize {
    let frames = tap.frames();
    let of = |frame_type| {
        let frames = frames.iter().filter(move |frame| frame.head.frame_type == frame_type);
        frames.map(|frame| (frame.connection, frame.ids())).collect::<HashSet<_>>()
    };
    of(FrameType::NOTIFY).difference(&of(FrameType::ACK)).next().unwrap().0
}

/// Asks so often at a time, and cuts one of the connections before the answers are there.
async fn cut_one_connection(haproxy: &Haproxy, agent: &RunningAgent, tap: &Tap) -> Tally {
    let running = tokio::spawn({
        let http = haproxy.http().clone();
        let load = Load::counting(REQUESTS, REQUESTS as u64);
        async move { load.run_by(&http, outcome).await.unwrap() }
    });
    statistics(agent, |seen| seen.notifies_in_flight == REQUESTS as u64 && seen.hellos > 1).await;
    tap.cut(asked(tap));
    running.await.unwrap()
}

async fn scene(version: Version, is_asynchronous: bool) -> (Haproxy, RunningAgent, Tap) {
    let agent = agent(is_asynchronous).await;
    let tap = Tap::before(endpoint(&agent)).await.unwrap();
    let engine = engine(tap.endpoint()).message("greet", "", REQUEST);
    (scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await, agent, tap)
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_15_with_async_what_is_under_way_on_a_connection_that_breaks_is_answered(
        version: Version
    ) {
        let (haproxy, agent, tap) = scene(version, true).await;
        let tally = cut_one_connection(&haproxy, &agent, &tap).await;
        assert_eq!(tally.of("200 hello "), REQUESTS as u64, "{tally:?}");
        assert!(tally.elapsed < SOON / 2, "{tally:?}");
        let seen = agent.statistics().await;
        assert!(seen.acks_rerouted > 0, "{seen:#?}");
        assert_eq!((seen.acks, seen.notifies_cancelled), (REQUESTS as u64, 0), "{seen:#?}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_15_where_async_is_not_agreed_nothing_is_rerouted(version: Version) {
        // HAProxy 3.2 does not offer it.
        let (haproxy, agent, tap) = scene(version, version.has_new_engine()).await;
        let tally = cut_one_connection(&haproxy, &agent, &tap).await;
        let lost = tally.of(&format!("200  {CONNECTION_LOST}"));
        assert_eq!(tally.of("200 hello ") + lost, REQUESTS as u64, "{tally:?}");
        assert!(lost > 0, "{tally:?}");
        let seen = agent.statistics().await;
        assert_eq!((seen.acks_rerouted, seen.notifies_cancelled), (0, lost), "{seen:#?}");
    }
}
