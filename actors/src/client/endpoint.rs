//! Endpoint: where an agent is, and how it is reached.

use std::{
    fmt, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UnixStream},
    time::timeout,
};

#[cfg(feature = "tls")]
use super::tls::ClientTls;
use super::{endpoint_error::EndpointError, stream::Stream};
use crate::{listen::socket_file, spop::ForeignText};

/// A PROXY header of version 2 without an address: the connection is the sender's own.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Where an agent is, and how to reach it: TCP or a UNIX socket, with a PROXY header and TLS if its
/// listener expects them.
///
/// ```
/// use std::net::SocketAddr;
/// use spoa_actors::{Actions, Agent, Message, Registry, Var};
/// use spoa_actors::client::{Client, ClientOptions, Endpoint};
///
/// const SCORE: Var = Var::session("score");
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let registry = Registry::new().on("rate", |(): ()| Actions::new().set(SCORE, 20));
///     let agent = Agent::bind("127.0.0.1:0")?.start(registry).await?;
///     let endpoint = Endpoint::tcp(agent.local_addresses()[0]);
///
///     let client = Client::connect(&endpoint, ClientOptions::default()).await?;
///     let actions = client.notify(Message::new("rate")).await?;
///     assert_eq!(actions.to_string(), "set-var sess.score 20");
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    place: Place,
    has_proxy_header: bool,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    connect_timeout: Duration,
}

#[derive(Clone, Debug)]
enum Place {
    /// `host:port`.
    Tcp(String),
    Unix(PathBuf),
}

impl Endpoint {
    /// An agent at a TCP address: `host:port`, the host as a name or an address.
    #[must_use]
    pub fn tcp(address: impl fmt::Display) -> Self {
        Self::at(Place::Tcp(address.to_string()))
    }

    /// An agent at the UNIX socket of this path.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Unix(path.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            has_proxy_header: false,
            #[cfg(feature = "tls")]
            tls: None,
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// Sends a PROXY header first (version 2, LOCAL), as `check-send-proxy` of HAProxy does.
    #[must_use]
    pub fn proxy_header(self) -> Self {
        Self { has_proxy_header: true, ..self }
    }

    /// Uses TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Limits the time of the connection, its PROXY header and its TLS handshake together
    /// [default: 5 s].
    #[must_use]
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Connects, and sends the PROXY header and does the TLS handshake if they are set. The agent
    /// waits for HELLO then.
    ///
    /// # Errors
    ///
    /// If the agent cannot be reached in time, or TLS fails.
    pub async fn connect(&self) -> Result<Stream, EndpointError> {
        let limit = self.connect_timeout;
        let late = || EndpointError::Timeout { endpoint: self.to_string(), limit };
        timeout(limit, self.open()).await.unwrap_or_else(|_| Err(late()))
    }

    async fn open(&self) -> Result<Stream, EndpointError> {
        let unreachable =
            |source| EndpointError::Unreachable { endpoint: self.to_string(), source };
        let stream = self.open_plain().await.map_err(unreachable)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let secured = tls.connect(self.host(), stream).await;
            return secured
                .map_err(|source| EndpointError::Tls { endpoint: self.to_string(), source });
        }
        Ok(stream)
    }

    async fn open_plain(&self) -> io::Result<Stream> {
        let mut stream = match &self.place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Stream::new(stream)
            }
            Place::Unix(path) => {
                socket_file::check_path(path)?;
                Stream::new(UnixStream::connect(path).await?)
            }
        };
        if self.has_proxy_header {
            stream.write_all(LOCAL).await?;
        }
        Ok(stream)
    }

    /// The host of a TCP address, which is the default name in the agent's certificate.
    #[cfg(feature = "tls")]
    fn host(&self) -> Option<&str> {
        let Place::Tcp(address) = &self.place else { return None };
        let host = address.rsplit_once(':').map_or(&**address, |(host, _)| host);
        Some(host.trim_matches(['[', ']']))
    }
}

impl fmt::Display for Endpoint {
    /// The address, or `unix` and the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may come from a file or from another process.
        match &self.place {
            Place::Tcp(address) => ForeignText::new(address).fmt(f),
            Place::Unix(path) => write!(f, "unix {}", shown(path)),
        }
    }
}

fn shown(path: &Path) -> ForeignText<'_> {
    ForeignText::new(path.as_os_str().as_bytes())
}
