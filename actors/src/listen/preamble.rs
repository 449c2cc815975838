//! Preamble: what a connection sends before SPOP, if its listener requires it.

use std::{rc::Rc, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout_at,
};
#[cfg(feature = "tls")]
use tokio::{sync::OwnedSemaphorePermit, time::sleep_until};
#[cfg(feature = "tls")]
use tokio_rustls::rustls::ServerConfig;

#[cfg(feature = "tls")]
use super::{
    certificates::Certificates,
    handshake::{self, Failed},
    secured::Secured,
};
use super::{
    proxy_header,
    rejection::{PendingConnection, Rejection},
};
use crate::{
    arbiter::{ArbiterContext, ConnectionGuard, ProtocolMismatch, of_foreign},
    connection::{Connection, Transport},
    observe::ListenerCounters,
    origin::PeerAddress,
    spop::ForeignProtocol,
};
#[cfg(feature = "tls")]
use crate::{connection::MemoryGuard, observe::Counters};

/// What the connections of a listener send before SPOP.
#[derive(Debug)]
pub(crate) struct ListenerSetup {
    pub(crate) proxy_header: bool,
    #[cfg(feature = "tls")]
    pub(crate) certificates: Option<Certificates>,
}

/// What one connection sends before SPOP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preamble {
    pub(crate) proxy_header: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// A connection before SPOP.
pub(crate) struct IncomingConnection<S> {
    stream: S,
    pending: PendingConnection,
}

impl ListenerSetup {
    /// Starts to poll the certificate files, in a task of this runtime.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there are no files"))]
    pub(crate) fn open(&mut self, listener: &Arc<str>, counters: &Arc<ListenerCounters>) {
        #[cfg(feature = "tls")]
        if let Some(certificates) = &mut self.certificates {
            certificates.follow(listener, counters);
        }
    }

    /// The preamble of a new connection.
    pub(crate) fn preamble(&self) -> Preamble {
        Preamble {
            proxy_header: self.proxy_header,
            #[cfg(feature = "tls")]
            tls: self.certificates.as_ref().map(Certificates::current),
        }
    }
}

impl Preamble {
    /// Whether SPOP comes first.
    pub(crate) fn is_empty(&self) -> bool {
        !self.proxy_header && !self.is_encrypted()
    }

    /// Whether the peer cannot read frames without TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        let is_encrypted = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let is_encrypted = false;
        is_encrypted
    }
}

impl<S: Transport> IncomingConnection<S> {
    pub(crate) fn new(
        stream: S,
        address: PeerAddress,
        guard: ConnectionGuard,
        shared: Rc<ArbiterContext>,
    ) -> Self {
        Self { stream, pending: PendingConnection { address, guard, shared } }
    }

    /// The preamble is complete.
    pub(crate) fn into_connection(self) -> Connection<S> {
        let PendingConnection { address, guard, shared } = self.pending;
        Connection::new(self.stream, address, guard, shared)
    }

    /// Reads the PROXY header, if the listener requires one. Its source replaces the address of the
    /// socket. A connection without one is closed.
    pub(crate) async fn read_proxy_header(mut self, is_due: bool) -> Option<Self> {
        if !is_due {
            return Some(self);
        }
        // Boxed, because it takes the memory of a header.
        let read = Box::pin(read_source(&mut self.stream));
        let source = timeout_at(self.pending.deadline(), read).await;
        match source.unwrap_or(Err(Rejection::HeaderLate)) {
            Ok(source) => {
                // A header without an address (`LOCAL`, `UNKNOWN`) comes from the proxy itself, for
                // example in a health check.
                self.pending.address = source.unwrap_or(self.pending.address);
                Some(self)
            }
            Err(rejection) => {
                self.pending.refuse(&rejection, self.stream).await;
                None
            }
        }
    }

    /// Does the TLS handshake; closes the connection if it fails.
    #[cfg(feature = "tls")]
    pub(crate) async fn shake_hands(
        mut self,
        config: Arc<ServerConfig>,
    ) -> Option<IncomingConnection<Secured<S>>> {
        let deadline = self.pending.deadline();
        let first = timeout_at(deadline, read_client_hello(&mut self.stream)).await;
        match first.unwrap_or(Err(Rejection::HandshakeLate)) {
            // Boxed: a peer that has sent nothing takes no memory for a handshake.
            Ok(first) => Box::pin(self.secure(first, config)).await,
            Err(rejection) => {
                self.pending.refuse(&rejection, self.stream).await;
                None
            }
        }
    }

    /// Does the TLS handshake that begins with these bytes, when a permit is free.
    #[cfg(feature = "tls")]
    async fn secure(
        self,
        first: [u8; ForeignProtocol::FIRST],
        config: Arc<ServerConfig>,
    ) -> Option<IncomingConnection<Secured<S>>> {
        let Self { stream, pending } = self;
        let (shared, deadline) = (&pending.shared, pending.deadline());
        let turn = timeout_at(deadline, Turn::wait(shared)).await;
        // Held until a refusal has ended, too: that takes memory and time as well.
        let _turn = match turn.unwrap_or(Err(Rejection::HandshakesFull)) {
            Ok(turn) => turn,
            Err(rejection) => {
                pending.refuse(&rejection, stream).await;
                return None;
            }
        };
        // Boxed: while it waits for a permit, it takes no memory.
        let handshake = Box::pin(handshake::accept(first, stream, config));
        let done = tokio::select! {
            biased;
            // In this order: a handshake that completes in the wake-up of its timeout has
            // succeeded.
            done = handshake => Ok(done),
            () = shared.handshakes.outlasted() => Err(Rejection::HandshakesFull),
            () = sleep_until(deadline) => Err(Rejection::HandshakeLate),
        };
        match done {
            Ok(Ok(stream)) => return Some(IncomingConnection { stream, pending }),
            Ok(Err(Failed { error, stream, alert })) => {
                pending.refuse_with(&Rejection::Handshake(error), stream, &alert).await;
            }
            Err(rejection) => pending.report(&rejection),
        }
        None
    }
}

/// The permit of a TLS handshake, and its memory.
#[cfg(feature = "tls")]
struct Turn {
    counters: Rc<Counters>,
    _permit: OwnedSemaphorePermit,
    _memory: MemoryGuard,
}

#[cfg(feature = "tls")]
impl Turn {
    async fn wait(shared: &Rc<ArbiterContext>) -> Result<Self, Rejection> {
        let permit = shared.handshakes.permit().await.ok_or(Rejection::HandshakesFull)?;
        // All of its memory is reserved at once: rustls allocates internally, without a check.
        let memory = MemoryGuard::new(Rc::clone(shared), handshake::COST);
        if memory.is_exhausted() {
            return Err(Rejection::MemoryFull);
        }
        let counters = Rc::clone(&shared.counters);
        counters.count(|statistics| statistics.tls_handshakes += 1);
        Ok(Self { counters, _permit: permit, _memory: memory })
    }
}

#[cfg(feature = "tls")]
impl Drop for Turn {
    fn drop(&mut self) {
        self.counters.count(|statistics| statistics.tls_handshakes -= 1);
    }
}

async fn read_source<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Option<PeerAddress>, Rejection> {
    let (first, found) = read_first(stream).await?;
    let advice = match found {
        Some(ForeignProtocol::ProxyHeader) => {
            return proxy_header::read(first, stream).await.map_err(Rejection::Header);
        }
        Some(ForeignProtocol::Http) => of_foreign(ForeignProtocol::Http),
        _ => {
            "put `send-proxy-v2` on the server line (and `check-send-proxy` if it has `check`), or \
             from HAProxy 3.3 on, which ignores it for agents, use a relay, or have the listener \
             take no PROXY header"
        }
    };
    Err(Rejection::ProtocolMismatch(ProtocolMismatch { found, expected: "a PROXY header", advice }))
}

#[cfg(feature = "tls")]
async fn read_client_hello<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<[u8; ForeignProtocol::FIRST], Rejection> {
    let (first, found) = read_first(stream).await?;
    let advice = match found {
        Some(ForeignProtocol::Tls) => return Ok(first),
        Some(foreign) => of_foreign(foreign),
        None => "put `ssl` on the server line, or give the listener no certificate",
    };
    Err(Rejection::ProtocolMismatch(ProtocolMismatch { found, expected: "TLS", advice }))
}

/// The bytes that identify the peer's protocol.
async fn read_first<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<([u8; ForeignProtocol::FIRST], Option<ForeignProtocol>), Rejection> {
    let mut first = [0; ForeignProtocol::FIRST];
    // Exactly as many bytes as all protocols have, so that the agent waits for no byte that a
    // shorter frame does not have.
    stream.read_exact(&mut first).await.map_err(|_| Rejection::Silent)?;
    Ok((first, ForeignProtocol::of(first)))
}
