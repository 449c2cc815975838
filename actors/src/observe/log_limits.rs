//! Log limits: how often there may be a line about each cause.

use super::rate_limit::RateLimit;
use crate::spop::ForeignProtocol;

/// What a line of the log is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Violation,
    /// A connection that begins with another protocol than is due, each kind by itself.
    ProtocolMismatch(Option<ForeignProtocol>),
    ProxyHeader,
    #[cfg(feature = "tls")]
    TlsHandshake,
    /// More TLS handshakes than there may be, or than there is memory for.
    #[cfg(feature = "tls")]
    HandshakesFull,
    /// Actions that do not fit into their ACK.
    LeftOut,
    Oversize,
    /// More connections than there may be.
    Refused,
    /// More bytes kept than there may be.
    Overdrawn,
    /// A connection that is not read until there is memory.
    MemoryWait,
    /// A peer that reads nothing.
    Stalled,
    UnknownFrame,
    /// A DISCONNECT of HAProxy over what was sent to it.
    Complaint,
}

/// Lets a line a second through about each cause.
#[derive(Debug, Default)]
pub(crate) struct LogLimits([RateLimit; Cause::COUNT]);

impl LogLimits {
    /// How many lines about this were left suppressed since the last one, if one may be written now.
    pub(crate) fn permit(&self, cause: Cause) -> Option<u64> {
        self.0[cause.index()].permit()
    }
}

impl Cause {
    const COUNT: usize = 16;

    fn index(self) -> usize {
        match self {
            Self::ProtocolMismatch(None) => 0,
            Self::ProtocolMismatch(Some(ForeignProtocol::Http)) => 1,
            Self::ProtocolMismatch(Some(ForeignProtocol::Tls)) => 2,
            Self::ProtocolMismatch(Some(ForeignProtocol::ProxyHeader)) => 3,
            Self::ProxyHeader => 4,
            #[cfg(feature = "tls")]
            Self::TlsHandshake => 5,
            Self::Violation => 6,
            Self::LeftOut => 7,
            Self::Oversize => 8,
            Self::Refused => 9,
            Self::Overdrawn => 10,
            Self::Stalled => 11,
            Self::UnknownFrame => 12,
            Self::Complaint => 13,
            Self::MemoryWait => 14,
            #[cfg(feature = "tls")]
            Self::HandshakesFull => 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_cause_hides_another() {
        let limits = LogLimits::default();
        let causes = [
            Cause::ProtocolMismatch(None),
            Cause::ProtocolMismatch(Some(ForeignProtocol::Http)),
            Cause::ProtocolMismatch(Some(ForeignProtocol::Tls)),
            Cause::ProtocolMismatch(Some(ForeignProtocol::ProxyHeader)),
            Cause::ProxyHeader,
            #[cfg(feature = "tls")]
            Cause::TlsHandshake,
            #[cfg(feature = "tls")]
            Cause::HandshakesFull,
            Cause::Violation,
            Cause::LeftOut,
            Cause::Oversize,
            Cause::Refused,
            Cause::Overdrawn,
            Cause::MemoryWait,
            Cause::Stalled,
            Cause::UnknownFrame,
            Cause::Complaint,
        ];
        for cause in causes {
            assert_eq!(limits.permit(cause), Some(0), "{cause:?}");
        }
        for cause in causes {
            assert_eq!(limits.permit(cause), None, "{cause:?}");
        }
    }
}
