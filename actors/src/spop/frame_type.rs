//! FRAME-TYPE: the kind of a frame.
//!
//! ```text
//! UNSET 0 | HAPROXY-HELLO 1 | HAPROXY-DISCONNECT 2 | NOTIFY 3
//!         | AGENT-HELLO 101 | AGENT-DISCONNECT 102 | ACK 103
//! ```

use std::fmt;

/// The FRAME-TYPE. Unknown types are kept, so that the receiver can skip them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FrameType(pub u8);

impl FrameType {
    /// A continuation of a fragmented frame.
    pub const UNSET: Self = Self(0);
    /// HAPROXY-HELLO.
    pub const HAPROXY_HELLO: Self = Self(1);
    /// HAPROXY-DISCONNECT.
    pub const HAPROXY_DISCONNECT: Self = Self(2);
    /// NOTIFY.
    pub const NOTIFY: Self = Self(3);
    /// AGENT-HELLO.
    pub const AGENT_HELLO: Self = Self(101);
    /// AGENT-DISCONNECT.
    pub const AGENT_DISCONNECT: Self = Self(102);
    /// ACK.
    pub const ACK: Self = Self(103);

    /// The name in the specification.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UNSET => "UNSET",
            Self::HAPROXY_HELLO => "HAPROXY-HELLO",
            Self::HAPROXY_DISCONNECT => "HAPROXY-DISCONNECT",
            Self::NOTIFY => "NOTIFY",
            Self::AGENT_HELLO => "AGENT-HELLO",
            Self::AGENT_DISCONNECT => "AGENT-DISCONNECT",
            Self::ACK => "ACK",
            _ => "a frame of unknown type",
        }
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
