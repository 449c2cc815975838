//! Preamble: what comes before SPOP on a connection, if its listener asks for it.

use std::{fmt, rc::Rc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    time::{Duration, Instant, sleep, timeout, timeout_at},
};

use crate::{
    connection::Connection,
    origin::PeerAddress,
    proxy_header::{self, HeaderError},
    shared::{Mismatch, Presence, Shared},
    spop::Foreign,
};

/// How long a refused peer may take to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection has to bring before SPOP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preamble {
    pub(crate) proxy_header: bool,
}

/// A connection that has not come to SPOP yet.
pub(crate) struct Arrival<S> {
    stream: S,
    address: PeerAddress,
    presence: Presence,
    shared: Rc<Shared>,
}

/// Why a connection does not come to SPOP.
enum Refusal {
    /// It was closed before it said anything, as a TCP check does.
    Silent,
    /// It begins with something else than is due.
    Mismatch(Mismatch),
    Header(HeaderError),
    HeaderLate,
}

impl Preamble {
    /// Whether SPOP comes first.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { proxy_header } = self;
        !proxy_header
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Arrival<S> {
    pub(crate) fn new(stream: S, address: PeerAddress, shared: Rc<Shared>) -> Self {
        Self { stream, address, presence: Presence::new(Rc::clone(&shared.counters)), shared }
    }

    /// SPOP comes next.
    pub(crate) fn into_connection(self) -> Connection<S> {
        Connection::new(self.stream, self.address, self.presence, self.shared)
    }

    /// Reads the PROXY header; the source that it names takes the place of the socket's address. A
    /// connection without one is closed.
    pub(crate) async fn read_proxy_header(mut self) -> Option<Self> {
        let read = timeout_at(self.deadline(), self.source()).await;
        match read.unwrap_or(Err(Refusal::HeaderLate)) {
            Ok(source) => {
                self.address = source.unwrap_or(self.address);
                Some(self)
            }
            Err(refusal) => {
                self.refuse(refusal).await;
                None
            }
        }
    }

    async fn source(&mut self) -> Result<Option<PeerAddress>, Refusal> {
        let first = self.first().await?;
        let found = Foreign::of(first);
        if found != Some(Foreign::ProxyHeader) {
            let advice = match found {
                Some(Foreign::Http) => Foreign::Http.advice(),
                _ => {
                    "put `send-proxy-v2` on the server line (and `check-send-proxy` if it has \
                     `check`), or have the listener take no PROXY header"
                }
            };
            return Err(Refusal::Mismatch(Mismatch { found, due: "a PROXY header", advice }));
        }
        proxy_header::read(first, &mut self.stream).await.map_err(Refusal::Header)
    }

    /// The bytes that tell what the peer speaks.
    async fn first(&mut self) -> Result<[u8; Foreign::FIRST], Refusal> {
        let mut first = [0; Foreign::FIRST];
        self.stream.read_exact(&mut first).await.map_err(|_| Refusal::Silent)?;
        Ok(first)
    }

    /// When the preamble and HELLO must be complete.
    fn deadline(&self) -> Instant {
        self.presence.since() + self.shared.limits.hello_timeout
    }

    /// Counts and logs it, and closes the connection as late as after any refused HELLO.
    async fn refuse(mut self, refusal: Refusal) {
        let peer = self.address;
        match refusal {
            Refusal::Silent => {
                tracing::debug!(%peer, "the connection was closed before it began");
                return;
            }
            Refusal::Mismatch(mismatch) => self.shared.report(peer, mismatch),
            Refusal::Header(error) => self.refuse_header(&format_args!(
                "a PROXY header cannot be read ({error}): find out who sends it"
            )),
            Refusal::HeaderLate => self.refuse_header(
                &"no PROXY header came in time; something connects to this port and says nothing: a \
                 TCP check? use `option spop-check` with `check-send-proxy`",
            ),
        }
        sleep(self.shared.limits.refusal_delay).await;
        // Not a reset: what the peer has sent is read, until it closes its side.
        let goodbye = async {
            self.stream.shutdown().await?;
            copy(&mut self.stream, &mut sink()).await
        };
        let _ = timeout(LINGER, goodbye).await;
    }

    fn refuse_header(&self, line: &dyn fmt::Display) {
        self.shared.counters.count(|statistics| statistics.proxy_headers_refused += 1);
        if let Some(unsaid) = self.shared.headers.permit() {
            tracing::warn!(peer = %self.address, unsaid, "{line}");
        }
    }
}
