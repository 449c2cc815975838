//! What is measured: the floor, the peer, the agent.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// One server under measurement, with its options.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Server {
    /// A bare epoll loop: what the kernel takes.
    Floor,
    /// An agent on the crate `spop`.
    Peer,
    /// The same with `TCP_NODELAY`.
    PeerNodelay,
    /// An agent on spoa-actors, its handlers functions.
    Agent,
    /// The same, its handlers actors.
    AgentActor,
    /// The same, its handlers ready ones.
    AgentReady,
    /// An agent with a layer or a further argument, which is an option of its own.
    #[value(skip)]
    Layered,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer => "peer",
            Self::PeerNodelay => "peer-nodelay",
            Self::Agent => "agent",
            Self::AgentActor => "agent-actor",
            Self::AgentReady => "agent-ready",
            Self::Layered => "layered",
        }
    }

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer | Self::PeerNodelay => "peer",
            Self::Agent | Self::AgentActor | Self::AgentReady => "bench-agent",
            Self::Layered => "layered-agent",
        }
    }

    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Floor | Self::Peer | Self::Agent | Self::Layered => &[],
            Self::PeerNodelay => &["--nodelay"],
            Self::AgentActor => &["--handler", "actor"],
            Self::AgentReady => &["--handler", "ready"],
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
