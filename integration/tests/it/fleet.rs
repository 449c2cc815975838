//! Several agents behind one engine, each a process of its own.

use std::time::Duration;

use spoa_integration::{
    AgentProcess, Answer, Config, Engine, Haproxy, Load, RunningLoad, Version, until,
};
use tokio::sync::MutexGuard;

use crate::scene::{self, ANSWER, REQUEST, SOON, error, shown};

/// Enough to have several requests under way on each connection.
pub(crate) const CLIENTS: usize = 40;

/// So many answers take a few turns of every client.
pub(crate) const SOME: u64 = 400;

/// Beyond the deadline of the agent; the streams that the engine loses wait for so long.
const PROCESSING: Duration = Duration::from_secs(2);

/// Starts the agent of the tests.
pub(crate) async fn agent() -> AgentProcess {
    AgentProcess::start(env!("CARGO_BIN_EXE_test_agent")).await.unwrap()
}

/// Agents that take turns, each checked ten times a second; HAProxy logs what fails, and that alone.
pub(crate) struct Fleet {
    pub(crate) agents: Vec<AgentProcess>,
    pub(crate) haproxy: Haproxy,
    _turn: MutexGuard<'static, ()>,
}

impl Fleet {
    /// Starts so many agents and HAProxy, which has checked them all.
    pub(crate) async fn start(version: Version, size: usize) -> Self {
        let turn = scene::turn().await;
        let mut agents = Vec::new();
        for _ in 0..size {
            agents.push(agent().await);
        }
        let engine = Engine::new("t")
            .agent_line("option set-on-error error")
            .agent_line("option dontlog-normal")
            .timeout_processing(PROCESSING)
            .backend_line("balance roundrobin")
            .backend_line("option redispatch 1")
            .spop_check()
            .message("greet", "ip=src", REQUEST);
        let config = Config::new(version)
            .threads(2)
            .engine(agents.iter().fold(engine, Engine::agent))
            .frontend("option dontlog-normal")
            .frontend(ANSWER);
        let haproxy = scene::start(scene::showing(config, &["var(txn.t.greeting)"])).await;
        let fleet = Self { agents, haproxy, _turn: turn };
        for index in 0..size {
            fleet.finds_up(index).await;
        }
        fleet
    }

    /// Asks without a pause; answers are counted by the process that answered, and the error.
    pub(crate) fn load(&self) -> RunningLoad {
        Load::lasting(CLIENTS, 6 * SOON).begin(self.haproxy.http(), outcome)
    }

    /// Waits until HAProxy's health check has found an agent up.
    pub(crate) async fn finds_up(&self, index: usize) {
        self.finds(index, true).await;
    }

    /// Waits until HAProxy's health check has found an agent down.
    pub(crate) async fn finds_down(&self, index: usize) {
        self.finds(index, false).await;
    }

    async fn finds(&self, index: usize, is_up: bool) {
        let name = format!("agent{}", index + 1);
        let found = async || {
            let status = self.haproxy.stats().status("t-agents", &name).await.ok()?;
            (status.is_up() == is_up && !status.check().is_empty()).then_some(())
        };
        until(&format!("{name} is up: {is_up}"), SOON, found).await.unwrap();
    }

    /// Waits for the end of an agent that was signalled, and starts it again when HAProxy knows.
    pub(crate) async fn renew(&mut self, index: usize) {
        self.agents[index].ended(SOON).await.unwrap();
        self.finds_down(index).await;
        self.agents[index].start_again().await.unwrap();
        self.finds_up(index).await;
    }
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}
