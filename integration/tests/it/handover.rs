//! A lone agent restarts under load: with a socket of its own, and with one that was handed over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use spoa_integration::{
    Answer, Config, Endpoint, Engine, Haproxy, Load, RunningLoad, Scratch, Successors, Version,
    on_every_haproxy,
};

use crate::fleet::{self, CLIENTS, SOME};
use crate::losses::Losses;
use crate::scene::{self, ANSWER, REQUEST, SOON, error, shown};

/// How often the agent restarts under one load.
const RESTARTS: usize = 5;
/// A NOTIFY that crosses the farewell cannot be saved, which a machine that stands still for longer
/// than the quiet time makes likely: so a run that lost one is tried again.
const TRIES: usize = 3;
/// Longer than a restart takes, on a busy machine as well.
const PROCESSING: Duration = Duration::from_secs(3);

/// HAProxy with one agent alone, which it checks; it logs what fails, and that alone.
async fn haproxy(version: Version, agent: impl Into<Endpoint>) -> Haproxy {
    let engine = Engine::new("t")
        .agent(agent)
        .agent_line("option set-on-error error")
        .agent_line("option dontlog-normal")
        .timeout_processing(PROCESSING)
        .backend_line("option redispatch 1")
        .spop_check()
        .message("greet", "ip=src", REQUEST);
    let config = Config::new(version).threads(2).engine(engine);
    let config = config.frontend("option dontlog-normal").frontend(ANSWER);
    scene::start(scene::showing(config, &["var(txn.t.greeting)"])).await
}

fn load(haproxy: &Haproxy) -> RunningLoad {
    let outcome =
        |answer: &Answer| format!("{} {} {}", answer.status, shown(answer)[0], error(answer));
    Load::lasting(CLIENTS, 6 * SOON).begin(haproxy.http(), outcome)
}

fn test_agent() -> &'static str {
    env!("CARGO_BIN_EXE_test_agent")
}

/// Restarts the agent behind HAProxy again and again under load, and says what that has cost; each
/// process must have answered.
async fn restart(version: Version, agent: &Endpoint, mut next: impl AsyncFnMut()) -> Losses {
    let haproxy = haproxy(version, agent.clone()).await;
    let load = load(&haproxy);
    for _ in 0..RESTARTS {
        load.answers(SOME).await.unwrap();
        next().await;
    }
    load.answers(SOME).await.unwrap();
    let tally = load.end().await.unwrap();
    let processes = tally.counts.keys().filter(|key| key.ends_with(' ')).count();
    assert_eq!(processes, 1 + RESTARTS, "{tally:?}");
    Losses::of(&tally, &haproxy).await
}

/// Whether one of a few runs loses nothing.
async fn without_loss(version: Version, mut run: impl AsyncFnMut() -> Losses) {
    let mut runs = Vec::new();
    for _ in 0..TRIES {
        let losses = run().await;
        println!("{version}, {RESTARTS} restarts with a socket handed over: {losses}");
        if losses.sent.is_empty() && losses.by_engine.is_empty() {
            return;
        }
        runs.push(losses);
    }
    panic!("every run lost requests: {runs:#?}");
}

/// Whether restarts one after the other lose nothing.
async fn restart_without_loss(version: Version, socket: OwnedFd, agent: Endpoint) {
    let _turn = scene::turn().await;
    without_loss(version, async || {
        let socket = socket.try_clone().unwrap();
        let mut agents = Successors::start(test_agent(), socket).await.unwrap();
        restart(version, &agent, async || agents.next(SOON).await.unwrap()).await
    })
    .await;
}

on_every_haproxy! {
    #[tokio::test]
    async fn restarts_of_a_lone_agent_lose_nothing_if_its_tcp_socket_is_handed_over(
        version: Version
    ) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        restart_without_loss(version, socket.into(), address.into()).await;
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn restarts_of_a_lone_agent_lose_nothing_if_its_unix_socket_is_handed_over(
        version: Version
    ) {
        let scratch = Scratch::new().unwrap();
        let path = scratch.join("agent.sock");
        let socket = UnixListener::bind(&path).unwrap();
        restart_without_loss(version, socket.into(), path.into()).await;
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn an_agent_that_is_started_before_the_other_on_its_socket_ends_loses_nothing(
        version: Version
    ) {
        let _turn = scene::turn().await;
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let start = async || {
            Successors::start(test_agent(), socket.try_clone().unwrap()).await.unwrap()
        };
        without_loss(version, async || {
            let mut agent = start().await;
            restart(version, &address.into(), async || {
                let next = start().await;
                assert!(agent.end(SOON).await.unwrap().success());
                agent = next;
            })
            .await
        })
        .await;
    }
}

// Beside it, what the same costs with a socket of its own: what docs/operating.md says of it.
on_every_haproxy! {
    #[tokio::test]
    async fn a_restart_of_a_lone_agent_with_a_socket_of_its_own_is_an_outage(version: Version) {
        let _turn = scene::turn().await;
        let mut agent = fleet::agent().await;
        let haproxy = haproxy(version, &agent).await;
        let load = load(&haproxy);
        load.answers(SOME).await.unwrap();
        agent.terminate().unwrap();
        assert!(agent.ended(SOON).await.unwrap().success());
        agent.start_again().await.unwrap();
        load.answers(SOME).await.unwrap();
        let tally = load.end().await.unwrap();
        println!("{version}: {tally:?}");
        let lost = tally.counts.iter().filter(|(key, _)| !key.ends_with(' '));
        assert!(lost.map(|(_, count)| count).sum::<u64>() > 0, "{tally:?}");
    }
}
