//! Violations of the protocol by a peer, and the status-code of each.

use thiserror::Error;

use super::{
    foreign_protocol::ForeignProtocol, foreign_text::ForeignText, frame_type::FrameType,
    status_code::StatusCode, wire::WireError,
};

/// A violation of the protocol by the peer. It ends the connection with the status-code
/// [`status`](Self::status). A peer that speaks [another protocol](Self::ForeignProtocol) gets no
/// DISCONNECT.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Violation {
    /// The bytes are not SPOP.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The connection begins with another protocol.
    #[error("expected SPOP, received {0}")]
    ForeignProtocol(ForeignProtocol),
    /// A HELLO lacks a mandatory key.
    #[error("{frame} without {key}")]
    MissingKey {
        /// The frame's name.
        frame: &'static str,
        /// The key.
        key: &'static str,
        /// The specification's status-code for this key.
        status: StatusCode,
    },
    /// The two sides have no version in common.
    #[error("no common version: the peer speaks {:?}, this agent 2.0", ForeignText::new(.offered))]
    UnsupportedVersion {
        /// The versions that the peer offered.
        offered: String,
    },
    /// A max-frame-size is below 256, or above the announced one.
    #[error("max-frame-size {size} is not within {floor}..={ceiling}")]
    BadFrameSize {
        /// The announced size in bytes.
        size: u32,
        /// The smallest size allowed.
        floor: u32,
        /// The largest size allowed.
        ceiling: u32,
    },
    /// A frame is not allowed at this point.
    #[error("expected {expected}, received {received}")]
    Unexpected {
        /// The received frame type.
        received: FrameType,
        /// The frames that the specification allows here.
        expected: &'static str,
    },
    /// Another frame came between the fragments of one.
    #[error("{received} between the fragments of a NOTIFY")]
    Interlaced {
        /// The received frame type.
        received: FrameType,
    },
    /// A continuation belongs to no fragmented frame.
    #[error("a fragment of a frame that never started")]
    UnknownFragment,
}

impl Violation {
    /// The status-code for the DISCONNECT.
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

    /// The kind of violation in `snake_case`, from a bounded set. Use it as a label.
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
