//! Peer fault: a violation of the protocol or a timeout of a peer, and its fix.

use thiserror::Error;

use crate::{
    limit::Limit,
    spop::{ForeignProtocol, StatusCode, Violation, WireError},
};

/// `tune.bufsize` is kilobytes, or some megabytes: a peer that announces a longer frame is hardly
/// HAProxy.
const BELIEVABLE: u32 = 128 << 20;

/// Why the agent closes a connection.
#[derive(Debug, Error)]
pub(crate) enum PeerFault {
    /// The peer broke the protocol.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// HELLO was not complete in time.
    #[error("no HELLO in time")]
    HelloTimeout,
    /// A frame, or a NOTIFY in fragments, was not complete in time.
    #[error("a frame that was not complete in time")]
    ReadTimeout,
}

impl PeerFault {
    /// The status-code of the DISCONNECT.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Violation(violation) => violation.status(),
            Self::HelloTimeout | Self::ReadTimeout => StatusCode::TIMEOUT,
        }
    }

    /// The kind of fault in `snake_case`, from a bounded set.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Violation(violation) => violation.reason(),
            Self::HelloTimeout => "hello_timeout",
            Self::ReadTimeout => "read_timeout",
        }
    }

    /// The limit that a well-behaved peer may have exceeded.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Violation(Violation::Wire(WireError::FrameTooLarge { length, .. }))
                if *length <= BELIEVABLE =>
            {
                Some(Limit::MaxFrameSize)
            }
            Self::ReadTimeout => Some(Limit::ReadTimeout),
            Self::Violation(_) | Self::HelloTimeout => None,
        }
    }

    /// The fix, other than a higher limit.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Violation(violation) => of_violation(violation),
            Self::HelloTimeout => {
                "if a TCP check connects to this port, use `option spop-check` instead"
            }
            Self::ReadTimeout => {
                "find out who else connects to this port; if this is HAProxy, look for a network \
                 that loses packets"
            }
        }
    }
}

fn of_violation(violation: &Violation) -> &'static str {
    match violation {
        Violation::Wire(WireError::FrameTooLarge { length, .. }) if *length > BELIEVABLE => {
            "HAProxy sends no such frame: find out who else connects to this port"
        }
        Violation::Wire(WireError::FrameTooLarge { .. }) => {
            "find out who else connects to this port; if this is HAProxy, lower its tune.bufsize"
        }
        Violation::ForeignProtocol(protocol) => of_foreign(*protocol),
        Violation::UnsupportedVersion { .. } => "HAProxy 1.8.10 or newer speaks SPOP 2.0",
        Violation::BadFrameSize { .. } => {
            "set max-frame-size in the spoe-agent section to 256 or more"
        }
        _ => {
            "if this is HAProxy, report it with both versions; if not, find out who else connects \
             to this port"
        }
    }
}

/// The fix for another protocol where plain SPOP is expected.
pub(crate) fn of_foreign(protocol: ForeignProtocol) -> &'static str {
    match protocol {
        ForeignProtocol::Http => {
            "an HTTP client speaks to the SPOE port: point it elsewhere, keep `mode http` out of \
             the agents' backend, and use `option spop-check` for health checks"
        }
        ForeignProtocol::Tls => {
            "put no `ssl` on the server line, or give the listener a certificate"
        }
        ForeignProtocol::ProxyHeader => {
            "put no `send-proxy` on the server line, or have the listener take the PROXY header"
        }
    }
}
