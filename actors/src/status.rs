//! What goes on in an agent at one moment: its connections, its readiness, and the last violations of its peers.
//!
//! [`Observer::status`](crate::Observer::status) gives it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    limits::Limits,
    observe::Statistics,
    origin::PeerAddress,
    spop::{Capabilities, EngineId, StatusCode},
};

/// What goes on in an agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What it has seen and done so far.
    pub statistics: Statistics,
    /// Whether it should be asked.
    pub readiness: Readiness,
    /// Connections that are open, the oldest first.
    pub connections: Vec<ConnectionStatus>,
    /// How peers broke the protocol lately, the newest first; at most 32 for each arbiter.
    pub violations: Vec<PastViolation>,
    /// What it works within.
    pub limits: Limits,
    /// On how many arbiters it works.
    pub arbiters: usize,
    /// For how long it has been there.
    pub uptime: Duration,
}

/// Whether an agent should be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Readiness {
    /// It answers.
    Ready,
    /// It comes to its end.
    Draining,
    /// The handler of a route that is required has failed too often and never answered, or takes too
    /// long to start: nothing but its fallback is sent.
    HandlerDown {
        /// The name of the message.
        message: String,
    },
    /// An arbiter does not answer within a second.
    Unresponsive,
}

/// One connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// Who is at the other end.
    pub peer: PeerAddress,
    /// Where it came in: `127.0.0.1:12345` or `unix:/run/spoa.sock`.
    pub listener: Arc<str>,
    /// The engine-id of its HELLO.
    pub engine_id: Option<EngineId>,
    /// What HELLO has agreed; nothing before.
    pub agreed: Option<Agreed>,
    /// How far it has come.
    pub phase: ConnectionPhase,
    /// Messages that wait for their answers.
    pub messages_in_flight: usize,
    /// Bytes that it keeps between its wake-ups.
    pub buffered_bytes: usize,
    /// For how long it has been open.
    pub age: Duration,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectionPhase {
    /// HELLO, or what comes before it, is still to come.
    Greeting,
    /// Frames are read and answered.
    Open,
    /// Answers are held back, so that none is under way at the DISCONNECT.
    Draining,
    /// Nothing more is read.
    Closing,
}

/// What HELLO has agreed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Agreed {
    /// The version of the protocol.
    pub version: &'static str,
    /// The largest frame of either side, in bytes.
    pub max_frame_size: u32,
    /// What both sides can do.
    pub capabilities: Capabilities,
}

/// How a peer broke the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PastViolation {
    /// When.
    pub time: SystemTime,
    /// Who.
    pub peer: PeerAddress,
    /// Which engine, if HELLO was agreed and had one.
    pub engine_id: Option<EngineId>,
    /// What the peer was told.
    pub status_code: StatusCode,
    /// The kind of it: `snake_case`, and one of a bounded set.
    pub reason: &'static str,
    /// What has happened.
    pub text: String,
    /// What an operator can do about it.
    pub advice: String,
}

impl ConnectionPhase {
    /// One word for it, in lower case.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Open => "open",
            Self::Draining => "holding",
            Self::Closing => "ending",
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Draining => f.write_str("the agent comes to its end"),
            Self::HandlerDown { message } => write!(
                f,
                "the handler of message {message:?} is down, and its fallback is sent; see the log for the cause"
            ),
            Self::Unresponsive => f.write_str(
                "an arbiter does not answer within a second; find out which handler blocks its thread",
            ),
        }
    }
}
