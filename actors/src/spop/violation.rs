//! What a peer can do against the protocol, and the one mapping from there to a status-code.

use thiserror::Error;

use super::{
    foreign_protocol::ForeignProtocol, foreign_text::ForeignText, frame_type::FrameType,
    status_code::StatusCode, wire::WireError,
};

/// The peer broke the protocol; the connection ends with [`status`](Self::status), which a peer that
/// speaks a [`ForeignProtocol`](Self::ForeignProtocol) protocol is not told.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Violation {
    /// The bytes are not SPOP.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The connection begins with another protocol.
    #[error("expected SPOP, received {0}")]
    ForeignProtocol(ForeignProtocol),
    /// A HELLO without a mandatory key.
    #[error("{frame} without {key}")]
    MissingKey {
        /// The frame's name.
        frame: &'static str,
        /// The key.
        key: &'static str,
        /// The status-code that the specification keeps for this key.
        status: StatusCode,
    },
    /// No version that both sides speak.
    #[error("no common version: the peer speaks {:?}, this agent 2.0", ForeignText::new(.offered))]
    UnsupportedVersion {
        /// What the peer offered.
        offered: String,
    },
    /// A max-frame-size below 256, or above what was announced.
    #[error("max-frame-size {size} is not within {floor}..={ceiling}")]
    BadFrameSize {
        /// The announced size in bytes.
        size: u32,
        /// The smallest size allowed.
        floor: u32,
        /// The largest size allowed.
        ceiling: u32,
    },
    /// A frame that is not legal at this point of the conversation.
    #[error("expected {expected}, received {received}")]
    Unexpected {
        /// What came.
        received: FrameType,
        /// What the specification lets come here.
        expected: &'static str,
    },
    /// Another frame between the fragments of one.
    #[error("{received} between the fragments of a NOTIFY")]
    Interlaced {
        /// What came.
        received: FrameType,
    },
    /// A continuation of a frame that nobody began.
    #[error("a fragment of a frame that never started")]
    UnknownFragment,
}

impl Violation {
    /// The status-code that tells the peer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Wire(WireError::FrameTooLarge { .. }) => StatusCode::TOO_BIG,
            Self::Wire(WireError::NotFinal { .. }) => StatusCode::NO_FRAGMENTATION,
            Self::Wire(_) | Self::ForeignProtocol(_) | Self::Unexpected { .. } => {
                StatusCode::INVALID
            }
            Self::MissingKey { status, .. } => *status,
            Self::UnsupportedVersion { .. } => StatusCode::BAD_VERSION,
            Self::BadFrameSize { .. } => StatusCode::BAD_FRAME_SIZE,
            Self::Interlaced { .. } => StatusCode::INTERLACED,
            Self::UnknownFragment => StatusCode::FRAME_NOT_FOUND,
        }
    }

    /// The kind of it in `snake_case`: one of a bounded set, to count by.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.reason(),
            Self::ForeignProtocol(_) => "foreign_protocol",
            Self::MissingKey { .. } => "missing_key",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::BadFrameSize { .. } => "bad_frame_size",
            Self::Unexpected { .. } => "unexpected_frame",
            Self::Interlaced { .. } => "interlaced_fragments",
            Self::UnknownFragment => "unknown_fragment",
        }
    }
}
