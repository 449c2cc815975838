//! Agents stop and start again under load, and others are there to take over.

use spoa_integration::{Version, on_every_haproxy};

use crate::fleet::{Fleet, SOME};
use crate::losses::Losses;
use crate::scene::SOON;

/// A NOTIFY that crosses the farewell cannot be saved, which a machine that stands still for longer
/// than the quiet time makes likely: so a run that lost one is tried again.
const TRIES: usize = 3;

/// Stops an agent by SIGTERM, which ends in good order with all answered that it has read, and
/// starts it again.
async fn restart(fleet: &mut Fleet, index: usize) {
    let agent = &mut fleet.agents[index];
    agent.terminate().unwrap();
    assert!(agent.ended(SOON).await.unwrap().success(), "{}", agent.log());
    let counts = ["notifies", "acks", "cancelled"].map(|name| agent.logged(name).unwrap());
    assert_eq!((counts[0], counts[2]), (counts[1], 0), "{}", agent.log());
    fleet.renew(index).await;
}

/// Stops an agent as one is stopped by SIGTERM that knows nothing of it: the kernel closes its
/// connections.
async fn restart_plainly(fleet: &mut Fleet, index: usize) {
    fleet.agents[index].kill().unwrap();
    fleet.renew(index).await;
}

/// Restarts each of so many agents in turn, `rounds` times, while HAProxy asks.
async fn roll(
    version: Version,
    size: usize,
    rounds: usize,
    restart: impl AsyncFn(&mut Fleet, usize),
) -> Losses {
    let mut fleet = Fleet::start(version, size).await;
    let load = fleet.load();
    for index in (0..size).cycle().take(rounds * size) {
        load.answers(SOME).await.unwrap();
        restart(&mut fleet, index).await;
    }
    load.answers(SOME).await.unwrap();
    Losses::of(&load.end().await.unwrap(), &fleet.haproxy).await
}

async fn roll_without_loss(version: Version, size: usize, rounds: usize) {
    let mut runs = Vec::new();
    for _ in 0..TRIES {
        let losses = roll(version, size, rounds, restart).await;
        println!("{version}, {rounds} x {size} stops by SIGTERM: {losses}");
        assert!(losses.by_engine.is_empty() || version == Version::V2_6, "{losses:#?}");
        if losses.sent.is_empty() {
            return;
        }
        runs.push(losses);
    }
    panic!("every run lost requests: {runs:#?}");
}

on_every_haproxy! {
    #[tokio::test]
    async fn checklist_33_34_sigterm_for_each_of_two_agents_in_turn_loses_nothing(
        version: Version
    ) {
        roll_without_loss(version, 2, 1).await;
    }
}

// Beside it, what the same costs without a drain: else it might be the load that loses nothing.
on_every_haproxy! {
    #[tokio::test]
    async fn two_agents_that_just_close_in_turn_lose_what_is_in_flight(version: Version) {
        for _ in 0..TRIES {
            let losses = roll(version, 2, 1, restart_plainly).await;
            println!("{version}, 1 x 2 stops by a plain close: {losses}");
            if !losses.sent.is_empty() {
                return;
            }
        }
        panic!("the load has nothing in flight");
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn checklist_33_34_a_rolling_restart_of_three_agents_twice_loses_nothing(
        version: Version
    ) {
        roll_without_loss(version, 3, 2).await;
    }
}
