//! Peer fault: how a peer broke the protocol, or took too long, and what an operator can do about it.

use thiserror::Error;

use crate::{
    limit::Limit,
    spop::{ForeignProtocol, StatusCode, Violation, WireError},
};

/// `tune.bufsize` is kilobytes, or some megabytes: what announces a longer frame is hardly HAProxy.
const BELIEVABLE: u32 = 128 << 20;

/// Why the agent ends a connection.
#[derive(Debug, Error)]
pub(crate) enum PeerFault {
    /// The peer broke the protocol.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// No HELLO came within its time.
    #[error("no HELLO in time")]
    HelloTimeout,
    /// A frame, or a NOTIFY in fragments, did not come to its end within its time.
    #[error("a frame that was not complete in time")]
    ReadTimeout,
}

impl PeerFault {
    /// The status-code that the peer is sent.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Violation(violation) => violation.status(),
            Self::HelloTimeout | Self::ReadTimeout => StatusCode::TIMEOUT,
        }
    }

    /// The kind of it in `snake_case`: one of a bounded set, to count by.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Violation(violation) => violation.reason(),
            Self::HelloTimeout => "hello_timeout",
            Self::ReadTimeout => "read_timeout",
        }
    }

    /// The limit that a peer of good will has exceeded.
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

    /// What an operator can do about it, beside raising the limit.
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

/// What an operator can do about a protocol that comes where plain SPOP is expected.
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
