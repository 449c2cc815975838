//! Log limits: limits the log lines about each cause.

use super::rate_limit::RateLimit;
use crate::spop::ForeignProtocol;

/// The cause of a log line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Violation,
    /// A connection begins with an unexpected protocol; each protocol has its own limit.
    ProtocolMismatch(Option<ForeignProtocol>),
    ProxyHeader,
    #[cfg(feature = "tls")]
    TlsHandshake,
    /// The limit of TLS handshakes, or of their memory, is reached.
    #[cfg(feature = "tls")]
    HandshakesFull,
    /// Actions do not fit into their ACK.
    LeftOut,
    Oversize,
    /// The connection limit is reached.
    Refused,
    /// The memory limit is reached.
    Overdrawn,
    /// A connection is not read until memory is free.
    MemoryWait,
    /// A peer does not read its ACKs.
    Stalled,
    UnknownFrame,
    /// A DISCONNECT of HAProxy blames a frame of the agent.
    Complaint,
}

/// Permits one line per second about each cause.
#[derive(Debug, Default)]
pub(crate) struct LogLimits([RateLimit; Cause::COUNT]);

impl LogLimits {
    /// Permits a line, and returns how many were suppressed since the last one.
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
