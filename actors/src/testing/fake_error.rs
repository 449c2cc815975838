//! Why the fake HAProxy did not get what it waited for.

use std::io;

use thiserror::Error;
use tokio::time::error::Elapsed;

use crate::{
    error::AgentError,
    spop::{CodecError, Disconnect, ForeignText, Frame, FrameType, Violation},
};

/// Why the fake HAProxy did not get what it waited for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FakeError {
    /// The agent could not start.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The agent broke the protocol.
    #[error("the agent broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The agent said AGENT-DISCONNECT.
    #[error("the agent disconnects with status {}: {}", .0.status_code, ForeignText::new(&*.0.message))]
    Disconnected(Disconnect),
    /// The agent closed the connection.
    #[error("the agent closed the connection")]
    Closed,
    /// The agent sent another frame than the one that was due.
    #[error("the agent sent {0} where another frame was due")]
    Unexpected(FrameType),
    /// The agent sent a part of an ACK to a peer that takes whole ones only.
    #[error("the agent sent an ACK in fragments, which was not agreed")]
    Fragment,
    /// The agent sent an ACK in fragments of more than so many bytes.
    #[error("the agent sent an ACK in fragments of more than {0} bytes")]
    TooLarge(usize),
    /// Nothing came in time.
    #[error("nothing came from the agent in time")]
    Timeout(#[from] Elapsed),
}

impl From<Frame> for FakeError {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::AgentDisconnect(disconnect) => Self::Disconnected(disconnect),
            other => Self::Unexpected(other.frame_type()),
        }
    }
}

impl From<CodecError> for FakeError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Io(error),
            CodecError::Violation(violation) => Self::Violation(violation),
        }
    }
}
