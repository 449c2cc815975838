//! What an agent holds: a process of its own, measured before and after.

use std::net::SocketAddr;

use spoa_integration::{AgentProcess, Peer, allow_descriptors, until};
use tokio::sync::MutexGuard;

use crate::fleet;
use crate::scene::{self, SOON};

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;

/// For the most peers that a test has at a time, and what else a process has open.
const DESCRIPTORS: u64 = 8000;

/// An agent, and what it held when it had served a few peers: what is made once is made.
pub(crate) struct Footprint {
    pub(crate) agent: AgentProcess,
    memory: u64,
    descriptors: usize,
    threads: u64,
    _turn: MutexGuard<'static, ()>,
}

impl Footprint {
    pub(crate) async fn new() -> Self {
        let turn = scene::turn().await;
        allow_descriptors(DESCRIPTORS).unwrap();
        let agent = fleet::agent().await;
        let process = agent.process();
        let (descriptors, threads) = (process.descriptors().unwrap(), process.threads().unwrap());
        let mut footprint = Self { agent, memory: 0, descriptors, threads, _turn: turn };
        for id in 1..=8 {
            let mut peer = footprint.greeted().await;
            peer.ask(id, "greet").await.unwrap();
            peer.ask(id, "large").await.unwrap();
        }
        footprint.is_free_of_peers().await;
        footprint.memory = process.memory().unwrap();
        footprint
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.agent.address()
    }

    /// A peer that has exchanged HELLOs.
    pub(crate) async fn greeted(&self) -> Peer {
        Peer::connect(self.address()).await.unwrap().greet().await.unwrap()
    }

    /// By how many bytes the agent has grown.
    pub(crate) fn growth(&self) -> u64 {
        self.agent.process().memory().unwrap().saturating_sub(self.memory)
    }

    /// The same at the worst of times.
    pub(crate) fn peak(&self) -> u64 {
        self.agent.process().peak_memory().unwrap().saturating_sub(self.memory)
    }

    /// How many connections the agent has.
    pub(crate) fn connections(&self) -> usize {
        self.agent.process().descriptors().unwrap().saturating_sub(self.descriptors)
    }

    /// Waits until the agent serves, which it does not while it is full, and no connection is left;
    /// it has as many threads as before.
    pub(crate) async fn is_free_of_peers(&self) {
        let served = async || {
            let mut peer = Peer::connect(self.address()).await.ok()?.greet().await.ok()?;
            peer.ask(1, "greet").await.ok()
        };
        until("the agent serves", SOON, served).await.unwrap();
        let free = async || (self.connections() == 0).then_some(());
        let free = until("the agent has no connection", SOON, free).await;
        free.map_err(|failure| failure.with("connections", &self.connections().to_string()))
            .unwrap();
        assert_eq!(self.agent.process().threads().unwrap(), self.threads);
    }
}
