//! Client error: why a call to an agent failed.

use std::{io, sync::Arc};

use thiserror::Error;
use tokio::time::error::Elapsed;

use super::endpoint_error::EndpointError;
#[cfg(feature = "tls")]
use super::tls_error;
use crate::{
    error::AgentError,
    spop::{CodecError, Disconnect, ForeignText, Frame, FrameId, FrameType, StreamId, Violation},
};

/// Why a call to an agent failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The agent could not start.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// There is no connection to the agent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The agent broke the protocol.
    #[error("the agent broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The agent sent AGENT-DISCONNECT.
    #[error("the agent disconnects with status {}: {}", .0.status_code, ForeignText::new(&*.0.message))]
    Disconnected(Disconnect),
    /// The agent closed the connection.
    #[error("the agent closed the connection")]
    Closed,
    /// The agent sent an unexpected frame type.
    #[error("the agent sent an unexpected {0}")]
    Unexpected(FrameType),
    /// The agent sent a fragment of an ACK to a peer that accepts complete ACKs only.
    #[error("the agent sent an ACK in fragments, which was not agreed")]
    Fragment,
    /// The agent sent a fragmented ACK of more than this many bytes.
    #[error("the agent sent an ACK in fragments of more than {0} bytes")]
    TooLarge(usize),
    /// The agent sent an ACK for a NOTIFY that it did not get.
    #[error(
        "the agent sent an ACK for stream-id {stream_id}, frame-id {frame_id}, which this connection did not send"
    )]
    Unasked {
        /// The stream-id in the ACK.
        stream_id: StreamId,
        /// The frame-id in the ACK.
        frame_id: FrameId,
    },
    /// The NOTIFY does not fit into a frame of the agreed size.
    #[error(
        "the NOTIFY has {size} bytes, and the agent accepts up to {limit}: send less, or raise its max-frame-size"
    )]
    NotifyTooLarge {
        /// The size of its frame in bytes.
        size: usize,
        /// The agreed max-frame-size in bytes.
        limit: u32,
    },
    /// Nothing arrived in time.
    #[error("the agent did not answer in time")]
    Timeout(#[from] Elapsed),
    /// The connection ended earlier, for this reason.
    #[error(transparent)]
    Ended(Arc<ClientError>),
}

#[cfg(feature = "tls")]
impl ClientError {
    /// Whether the agent ended TLS with an alert after the handshake.
    ///
    /// In TLS 1.3, the agent checks the client's certificate then: it may ask for another one.
    #[must_use]
    pub fn is_tls_alert(&self) -> bool {
        matches!(self, Self::Io(error) if tls_error::is_alert(error))
    }

    /// Whether the agent requires a client certificate that was not sent.
    #[must_use]
    pub fn is_certificate_required(&self) -> bool {
        match self {
            Self::Endpoint(EndpointError::Tls { source, .. }) => source.is_certificate_required(),
            Self::Io(error) => tls_error::is_certificate_required(error),
            _ => false,
        }
    }
}

impl From<Frame> for ClientError {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::AgentDisconnect(disconnect) => Self::Disconnected(disconnect),
            other => Self::Unexpected(other.frame_type()),
        }
    }
}

impl From<CodecError> for ClientError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Io(error),
            CodecError::Violation(violation) => Self::Violation(violation),
        }
    }
}
