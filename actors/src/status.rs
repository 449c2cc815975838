//! Status: the current state of an agent: its connections, its readiness, and recent violations by
//! peers.
//!
//! Get it from [`Observer::status`](crate::Observer::status).

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

/// The current state of an agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The statistics so far.
    pub statistics: Statistics,
    /// Whether clients should send requests.
    pub readiness: Readiness,
    /// The open connections, oldest first.
    pub connections: Vec<ConnectionStatus>,
    /// Recent violations of the protocol, newest first; up to 32 per arbiter.
    pub violations: Vec<PastViolation>,
    /// The limits of the agent.
    pub limits: Limits,
    /// The number of arbiters.
    pub arbiters: usize,
    /// The time since the start.
    pub uptime: Duration,
}

/// Whether clients should send requests to an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Readiness {
    /// The agent answers.
    Ready,
    /// The agent stops.
    Draining,
    /// The handler of a required route failed too often and never answered, or takes too long to
    /// start. Its messages get the fallback.
    HandlerDown {
        /// The name of the message.
        message: String,
    },
    /// An arbiter did not answer within 1 s.
    Unresponsive,
}

/// One connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// The address of the peer.
    pub peer: PeerAddress,
    /// The listener: `127.0.0.1:12345` or `unix:/run/spoa.sock`.
    pub listener: Arc<str>,
    /// The engine-id of its HELLO.
    pub engine_id: Option<EngineId>,
    /// What both sides agreed on; `None` before HELLO.
    pub agreed: Option<Agreed>,
    /// The phase of the connection.
    pub phase: ConnectionPhase,
    /// Messages that wait for their answers.
    pub messages_in_flight: usize,
    /// Bytes that it buffers between its wake-ups.
    pub buffered_bytes: usize,
    /// The time since it was accepted.
    pub age: Duration,
}

/// The phase of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectionPhase {
    /// HELLO, or what comes before it, is not complete.
    Greeting,
    /// Frames are read and answered.
    Open,
    /// Answers are held back, so that none is on its way at the DISCONNECT.
    Draining,
    /// Frames are no longer read.
    Closing,
}

/// What both sides agreed on in HELLO.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Agreed {
    /// The version of the protocol.
    pub version: &'static str,
    /// The largest frame in either direction, in bytes.
    pub max_frame_size: u32,
    /// The agreed capabilities.
    pub capabilities: Capabilities,
}

/// A violation of the protocol by a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PastViolation {
    /// When it happened.
    pub time: SystemTime,
    /// The address of the peer.
    pub peer: PeerAddress,
    /// The engine-id, if HELLO was agreed and had one.
    pub engine_id: Option<EngineId>,
    /// The status-code of the DISCONNECT.
    pub status_code: StatusCode,
    /// The kind of violation: `snake_case`, from a bounded set.
    pub reason: &'static str,
    /// What happened.
    pub text: String,
    /// How to fix it.
    pub advice: String,
}

impl ConnectionPhase {
    /// The name of the phase in lower case.
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
