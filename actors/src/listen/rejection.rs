//! Rejection: why a connection is closed before SPOP, and how.

use std::{fmt, io, rc::Rc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Duration, Instant, sleep, timeout},
};

#[cfg(feature = "tls")]
use super::handshake;
use super::proxy_header::HeaderError;
#[cfg(feature = "tls")]
use crate::limit::Limit;
use crate::{
    arbiter::{ArbiterContext, ConnectionGuard, ProtocolMismatch},
    log,
    observe::Cause,
    origin::PeerAddress,
    spop::ForeignText,
};

/// How long a refused peer has to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// A connection before SPOP: its address, listener and deadline.
pub(crate) struct PendingConnection {
    pub(crate) address: PeerAddress,
    pub(crate) guard: ConnectionGuard,
    pub(crate) shared: Rc<ArbiterContext>,
}

/// Why a connection is closed before SPOP.
pub(crate) enum Rejection {
    /// The peer closed it before the protocol was known, as a TCP check does.
    Silent,
    /// It begins with an unexpected protocol.
    ProtocolMismatch(ProtocolMismatch),
    Header(HeaderError),
    HeaderLate,
    #[cfg(feature = "tls")]
    Handshake(io::Error),
    #[cfg(feature = "tls")]
    HandshakeLate,
    /// The limit of TLS handshakes is reached.
    #[cfg(feature = "tls")]
    HandshakesFull,
    /// The memory limit leaves no room for a handshake.
    #[cfg(feature = "tls")]
    MemoryFull,
}

impl PendingConnection {
    /// When the preamble and HELLO must be complete.
    pub(crate) fn deadline(&self) -> Instant {
        self.guard.hello_deadline(&self.shared.limits())
    }

    /// Counts and logs the rejection, and closes the connection after the same delay as a refused
    /// HELLO.
    pub(crate) async fn refuse(
        self,
        rejection: &Rejection,
        stream: impl AsyncRead + AsyncWrite + Unpin,
    ) {
        self.refuse_with(rejection, stream, b"").await;
    }

    /// Refuses the connection, and sends these bytes first.
    pub(crate) async fn refuse_with(
        self,
        rejection: &Rejection,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        words: &[u8],
    ) {
        self.report(rejection);
        if matches!(rejection, Rejection::Silent) {
            return;
        }
        sleep(self.shared.limits().refusal_delay).await;
        // Not a reset: the bytes of the peer are read until it closes its side.
        let close = async {
            stream.write_all(words).await?;
            stream.shutdown().await?;
            while stream.read(&mut [0; 256]).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(LINGER, close).await;
    }

    pub(crate) fn report(&self, rejection: &Rejection) {
        match rejection {
            Rejection::Silent => {
                tracing::debug!(peer = %self.address, "the connection ended before it began");
            }
            Rejection::ProtocolMismatch(mismatch) => {
                self.shared.report_mismatch(self.address, *mismatch);
            }
            Rejection::Header(error) => self.report_header(
                &format_args!("invalid PROXY header: {error}"),
                "find out who sends it",
            ),
            Rejection::HeaderLate => self.report_header(
                &"PROXY header timeout",
                "if a TCP check connects to this port, use `option spop-check` with \
                 `check-send-proxy` instead",
            ),
            #[cfg(feature = "tls")]
            Rejection::Handshake(failed) => {
                let error = handshake::cause(failed);
                self.report_handshake(
                    &format_args!("TLS handshake failed: {error}"),
                    handshake::advice(failed),
                );
            }
            #[cfg(feature = "tls")]
            Rejection::HandshakeLate => self.report_handshake(
                &"TLS handshake timeout",
                "if a TCP check connects to this port, use `option spop-check` instead",
            ),
            #[cfg(feature = "tls")]
            Rejection::HandshakesFull => self.report_full("limit"),
            #[cfg(feature = "tls")]
            Rejection::MemoryFull => self.report_full("memory"),
        }
    }

    #[cfg(feature = "tls")]
    fn report_full(&self, reason: &'static str) {
        self.shared.counters.count(|statistics| statistics.tls_handshakes_refused.count(reason));
        let Some(suppressed) = self.shared.limited(Cause::HandshakesFull) else { return };
        let (peer, common) = (self.address, &self.shared.common);
        let limits = &common.start_limits;
        if reason == "memory" {
            let memory = common.name(Limit::Memory);
            log::warn!(
                %peer,
                limit = limits.memory,
                suppressed,
                "memory limit reached: refused a TLS handshake; raise {memory}, or find out who \
                 else connects to this port"
            );
        } else {
            let handshakes = common.name(Limit::Handshakes);
            log::warn!(
                %peer,
                limit = limits.handshakes,
                suppressed,
                "TLS handshake limit reached: closed a connection; find out who else connects to this \
                 port, or raise {handshakes}"
            );
        }
    }

    fn report_header(&self, what: &dyn fmt::Display, advice: &str) {
        self.shared.counters.count(|statistics| statistics.proxy_headers_refused += 1);
        self.warn(Cause::ProxyHeader, what, advice);
    }

    #[cfg(feature = "tls")]
    fn report_handshake(&self, what: &dyn fmt::Display, advice: &str) {
        self.shared.counters.count(|statistics| statistics.tls_handshakes_failed += 1);
        self.warn(Cause::TlsHandshake, what, advice);
    }

    fn warn(&self, cause: Cause, what: &dyn fmt::Display, advice: &str) {
        if let Some(suppressed) = self.shared.limited(cause) {
            let what = ForeignText::of(what);
            log::warn!(peer = %self.address, suppressed, "{what}; {advice}");
        }
    }
}
