//! Endpoint: the address of an agent, and one conversation with it within a time limit.

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

/// The address of the agent by default.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:12345";

/// A PROXY header of version 2 without an address: the connection is the sender's own.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A TCP or a UNIX stream, or TLS over one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// The address of the agent to connect to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Endpoint {
    /// Connect to the agent at this TCP address [default: 127.0.0.1:12345]
    #[arg(long, value_name = "HOST:PORT", value_parser = option_values::address)]
    addr: Option<String>,
    /// Connect to the agent at this UNIX socket
    #[arg(long, value_name = "PATH", conflicts_with = "addr")]
    unix: Option<PathBuf>,
    /// Send a PROXY header first (version 2, LOCAL), as `check-send-proxy` does
    #[arg(long)]
    proxy_protocol: bool,
    #[command(flatten)]
    tls: TlsOptions,
}

/// Why the agent did not answer.
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    /// The connection failed.
    #[error("cannot connect to {endpoint}: {source}; {}", advice(.source))]
    Unreachable {
        /// The address of the agent.
        endpoint: String,
        /// The cause.
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("TLS with {endpoint} failed: {source}")]
    Tls {
        /// The address of the agent.
        endpoint: String,
        /// The cause.
        source: TlsError,
    },
    /// The time limit was reached.
    #[error(
        "no answer from {endpoint} within {limit:?}; check that it is a SPOE agent and not \
         overloaded, or give it more time with --timeout"
    )]
    Late {
        /// The address of the agent.
        endpoint: String,
        /// The time limit.
        limit: Duration,
    },
    /// The peer is not an agent, or refused.
    #[error("unexpected answer from {endpoint}: {source}{}", doubt(.source))]
    Conversation {
        /// The address of the agent.
        endpoint: String,
        /// The cause.
        source: ClientError,
    },
}

impl Endpoint {
    /// Whether the operator gave an address or a path.
    #[must_use]
    pub(crate) fn is_named(&self) -> bool {
        self.addr.is_some() || self.unix.is_some()
    }

    /// The same at this address, with TLS or without. Without --tls-ca, any certificate is
    /// accepted.
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

    /// The same with a PROXY header first.
    #[must_use]
    pub(crate) fn with_proxy_header(self) -> Self {
        Self { proxy_protocol: true, ..self }
    }

    fn address(&self) -> &str {
        self.addr.as_deref().unwrap_or(DEFAULT_ADDRESS)
    }

    /// Connects and runs a conversation, both together within `limit`.
    ///
    /// # Errors
    ///
    /// If the connection fails, or the conversation ends early.
    pub(crate) async fn converse<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(Connection<Box<dyn Stream>>) -> Result<T, ClientError>,
    ) -> Result<T, EndpointError> {
        let with = async |stream| conversation(Connection::new(stream).patience(limit)).await;
        self.within(limit, with).await
    }

    /// Connects and uses the stream, both together within `limit`.
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
    /// Whether the agent uses TLS, and requires a client certificate that was not sent.
    #[must_use]
    pub(crate) fn is_certificate_required(&self) -> bool {
        match self {
            // In TLS 1.3 the agent checks the client's certificate after the handshake.
            Self::Conversation { source: ClientError::Io(error), .. }
            | Self::Tls { source: TlsError::Handshake { cause: error }, .. } => {
                tls::is_certificate_required(error)
            }
            _ => false,
        }
    }
}

/// The fix.
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

/// The likely cause, unless the agent itself reported it.
fn doubt(error: &ClientError) -> &'static str {
    match error {
        ClientError::Disconnected(_) => "",
        // In TLS 1.3 the agent checks the client's certificate after the handshake.
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
            // A process that only claims to be an agent may have chosen the name.
            Some(path) => write!(f, "unix {}", ForeignText::new(path.as_os_str().as_bytes())),
            None => f.write_str(self.address()),
        }
    }
}
