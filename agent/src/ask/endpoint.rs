//! Endpoint: where an agent listens, and one conversation with it within a time limit.

use std::{
    borrow::Cow,
    fmt, io,
    net::SocketAddr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use spoa_actors::{
    ForeignText,
    client::{ClientError, Connection},
    socket_file,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::{
    ask::tls::{self, TlsError, TlsOptions},
    option_values, program,
};

/// Where the agent runs unless it is told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:12345";

/// A PROXY header of version 2 that names nobody: the connection is the sender's own.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A TCP or a UNIX stream, or TLS over one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Where the agent is that shall be asked.
#[derive(Args, Clone, Debug)]
pub(crate) struct Endpoint {
    /// The TCP address of the agent [default: 127.0.0.1:12345]
    #[arg(long, value_name = "HOST:PORT", value_parser = option_values::address)]
    addr: Option<String>,
    /// The UNIX socket of the agent
    #[arg(long, value_name = "PATH", conflicts_with = "addr")]
    unix: Option<PathBuf>,
    /// Send a PROXY header first (version 2, LOCAL), as `check-send-proxy` does
    #[arg(long)]
    proxy_protocol: bool,
    #[command(flatten)]
    tls: TlsOptions,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    /// Nobody listens there.
    #[error("cannot connect to {endpoint}: {source}; {}", advice(.source))]
    Unreachable {
        /// Where.
        endpoint: String,
        /// Why not.
        source: io::Error,
    },
    /// TLS was asked for, and there is none.
    #[error("no TLS with {endpoint}: {source}")]
    Tls {
        /// Where.
        endpoint: String,
        /// Why not.
        source: TlsError,
    },
    /// The time is up.
    #[error(
        "no answer from {endpoint} within {limit:?}; check that it is a SPOE agent and not \
         overloaded, or give it more time with --timeout"
    )]
    Late {
        /// Where.
        endpoint: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The other side is no agent, or does not want to talk.
    #[error("{endpoint} does not answer as it should: {source}{}", doubt(.source))]
    Conversation {
        /// Where.
        endpoint: String,
        /// What it did.
        source: ClientError,
    },
}

impl Endpoint {
    /// Whether an address or a path was given.
    #[must_use]
    pub(crate) fn is_named(&self) -> bool {
        self.addr.is_some() || self.unix.is_some()
    }

    /// The same at this address, with TLS or without: without --tls-ca any certificate will do.
    #[must_use]
    pub(crate) fn at_address(&self, address: SocketAddr, is_tls: bool) -> Self {
        let tls = if is_tls { self.tls.clone().wanted() } else { TlsOptions::none() };
        Self { addr: Some(address.to_string()), unix: None, tls, ..self.clone() }
    }

    /// The same at the UNIX socket of this path.
    #[must_use]
    pub(crate) fn at_path(&self, path: &Path) -> Self {
        let tls = TlsOptions::none();
        Self { addr: None, unix: Some(path.to_owned()), tls, ..self.clone() }
    }

    /// The same, begun with a PROXY header.
    #[must_use]
    pub(crate) fn with_proxy_header(self) -> Self {
        Self { proxy_protocol: true, ..self }
    }

    fn address(&self) -> &str {
        self.addr.as_deref().unwrap_or(DEFAULT_ADDRESS)
    }

    /// Connects and has a conversation, both together within `limit`.
    ///
    /// # Errors
    ///
    /// If there is no connection, or the conversation ends before its time.
    pub(crate) async fn converse<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(Connection<Box<dyn Stream>>) -> Result<T, ClientError>,
    ) -> Result<T, EndpointError> {
        let with = async |stream| conversation(Connection::new(stream).patience(limit)).await;
        self.within(limit, with).await
    }

    /// Connects and does something with the stream, both together within `limit`.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(Box<dyn Stream>) -> Result<T, ClientError>,
    ) -> Result<T, EndpointError> {
        let endpoint = || self.to_string();
        let late = || EndpointError::Late { endpoint: endpoint(), limit };
        let conversation = async {
            let stream = self
                .connect()
                .await
                .map_err(|source| EndpointError::Unreachable { endpoint: endpoint(), source })?;
            let stream = self
                .secure(stream)
                .await
                .map_err(|source| EndpointError::Tls { endpoint: endpoint(), source })?;
            conversation(stream).await.map_err(|error| match error {
                ClientError::Timeout(_) => late(),
                source => EndpointError::Conversation { endpoint: endpoint(), source },
            })
        };
        timeout(limit, conversation).await.unwrap_or_else(|_| Err(late()))
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let mut stream: Box<dyn Stream> = match &self.unix {
            Some(path) => {
                socket_file::check_path(path)?;
                Box::new(UnixStream::connect(path).await?)
            }
            None => {
                let stream = TcpStream::connect(self.address()).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        if self.proxy_protocol {
            stream.write_all(LOCAL).await?;
        }
        Ok(stream)
    }

    async fn secure(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, TlsError> {
        if !self.tls.is_wanted() {
            return Ok(stream);
        }
        let address = self.address();
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        Ok(Box::new(self.tls.connect(host, stream).await?))
    }
}

impl EndpointError {
    /// Whether the agent speaks TLS, and wants a certificate to be shown that was not.
    #[must_use]
    pub(crate) fn is_certificate_required(&self) -> bool {
        match self {
            // In TLS 1.3 the agent judges the client's certificate after the handshake.
            Self::Conversation { source: ClientError::Io(error), .. }
            | Self::Tls { source: TlsError::Handshake { cause: error }, .. } => {
                tls::is_certificate_required(error)
            }
            _ => false,
        }
    }
}

/// What to do about it.
fn advice(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => format!(
            "start one with `{} run`, or say where it is with --addr or --unix",
            program::called()
        )
        .into(),
        io::ErrorKind::PermissionDenied => {
            "run as a user who may write to the socket, or start the agent with another --unix-mode"
                .into()
        }
        _ => "check --addr or --unix".into(),
    }
}

/// What to think of, unless the agent itself said why.
fn doubt(error: &ClientError) -> &'static str {
    match error {
        ClientError::Disconnected(_) => "",
        // In TLS 1.3 the agent judges the client's certificate after the handshake.
        ClientError::Io(error) if tls::is_refusal(error) => {
            "; it may ask for another certificate: give one with --tls-cert and --tls-key"
        }
        ClientError::Closed => "; check that it is a SPOE agent, without TLS and PROXY header",
        _ => "; check that it is a SPOE agent",
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unix {
            // A process that only claims to be an agent may have named it.
            Some(path) => write!(f, "unix {}", ForeignText::new(path.as_os_str().as_bytes())),
            None => f.write_str(self.address()),
        }
    }
}
