//! An agent is killed (SIGKILL): what is in flight is lost, nothing else, and nobody need help.

use std::time::Instant;

use spoa_integration::{Version, on_every_haproxy};

use crate::fleet::{CLIENTS, Fleet, SOME};
use crate::losses::Losses;
use crate::scene::{SOON, error, shown};

/// The status of a stream whose connection was lost.
const CONNECTION_LOST: u32 = 257;

on_every_haproxy! {
    #[tokio::test]
    async fn of_two_agents_one_is_killed_and_only_what_it_had_in_flight_fails(version: Version) {
        let mut fleet = Fleet::start(version, 2).await;
        let load = fleet.load();
        for index in 0..2 {
            load.answers(SOME).await.unwrap();
            fleet.agents[index].kill().unwrap();
            fleet.agents[index].ended(SOON).await.unwrap();
            fleet.finds_down(index).await;
            load.answers(SOME).await.unwrap();
            // A client has no more than one request in flight: of each, one at most has failed.
            let failed = fleet.haproxy.logs().spoe().len();
            assert!(failed <= (index + 1) * CLIENTS, "{failed} of {CLIENTS} clients");
            load.answers(SOME).await.unwrap();
            let later = fleet.haproxy.logs().spoe().len();
            assert_eq!(later, failed, "no request fails because an agent is gone");
            fleet.renew(index).await;
        }
        load.answers(SOME).await.unwrap();
        let losses = Losses::of(&load.end().await.unwrap(), &fleet.haproxy).await;
        println!("{version}, 2 agents killed in turn: {losses}");
        assert!(losses.sent.iter().all(|line| line.status == CONNECTION_LOST), "{losses:#?}");
        assert!(losses.by_engine.is_empty() || version == Version::V2_6, "{losses:#?}");
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn the_only_agent_is_killed_and_its_successor_is_asked_without_a_reload(
        version: Version
    ) {
        let mut fleet = Fleet::start(version, 1).await;
        let load = fleet.load();
        load.answers(SOME).await.unwrap();
        fleet.agents[0].kill().unwrap();
        fleet.agents[0].ended(SOON).await.unwrap();
        fleet.finds_down(0).await;
        load.end().await.unwrap();

        let begun = Instant::now();
        let answer = fleet.haproxy.http().get("/").await.unwrap();
        assert_eq!((answer.status, shown(&answer)[0]), (200, ""));
        assert_ne!(error(&answer), "");
        assert!(begun.elapsed() < SOON / 2, "an agent that is down is not waited for");

        fleet.renew(0).await;
        let load = fleet.load();
        load.answers(SOME).await.unwrap();
        let tally = load.end().await.unwrap();
        let answered = tally.of(&format!("200 {} ", fleet.agents[0].process().id()));
        assert_eq!(answered, tally.total(), "{tally:?}");
    }
}
