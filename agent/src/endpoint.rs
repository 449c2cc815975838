//! Endpoint: where an agent listens, and one conversation with it within a time limit.

use std::{fmt, io, path::PathBuf, time::Duration};

use clap::Args;
use spoa_actors::testing::{FakeError, FakeHaproxy};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::options;

/// Where the agent runs unless it is told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:12345";

/// A TCP or a UNIX stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Where the agent is that shall be asked.
#[derive(Args, Clone, Debug)]
pub(crate) struct Endpoint {
    /// The TCP address of the agent
    #[arg(long, value_name = "HOST:PORT", value_parser = options::address)]
    #[arg(default_value = DEFAULT_ADDRESS)]
    addr: String,
    /// The UNIX socket of the agent, instead of a TCP address
    #[arg(long, value_name = "PATH", conflicts_with = "addr")]
    unix: Option<PathBuf>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    #[error("cannot connect to {endpoint}: {source}; {}", advice(.source))]
    Unreachable { endpoint: Endpoint, source: io::Error },
    #[error(
        "no answer from {endpoint} within {limit:?}; check that it is a SPOE agent and not \
         overloaded, or give it more time with --timeout"
    )]
    Late { endpoint: Endpoint, limit: Duration },
    #[error("{endpoint} does not answer as it should: {source}{}", doubt(.source))]
    Conversation { endpoint: Endpoint, source: FakeError },
}

impl Endpoint {
    /// Connects and has a conversation, both together within `limit`.
    pub(crate) async fn converse<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(FakeHaproxy<Box<dyn Stream>>) -> Result<T, FakeError>,
    ) -> Result<T, EndpointError> {
        let endpoint = || self.clone();
        let late = || EndpointError::Late { endpoint: endpoint(), limit };
        let conversation = async {
            let stream = self
                .connect()
                .await
                .map_err(|source| EndpointError::Unreachable { endpoint: endpoint(), source })?;
            let haproxy = FakeHaproxy::new(stream).patience(limit);
            conversation(haproxy).await.map_err(|error| match error {
                FakeError::Timeout(_) => late(),
                source => EndpointError::Conversation { endpoint: endpoint(), source },
            })
        };
        timeout(limit, conversation).await.unwrap_or_else(|_| Err(late()))
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        if let Some(path) = &self.unix {
            return Ok(Box::new(UnixStream::connect(path).await?));
        }
        let stream = TcpStream::connect(&self.addr).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// What to do about it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            "start one with `spoa-agent run`, or say where it is with --addr or --unix"
        }
        io::ErrorKind::PermissionDenied => {
            "run as a user who may write to the socket, or start the agent with another --unix-mode"
        }
        _ => "check --addr or --unix",
    }
}

/// What to think of, unless the agent itself said why.
fn doubt(error: &FakeError) -> &'static str {
    match error {
        FakeError::Disconnected(_) => "",
        _ => "; check that it is a SPOE agent",
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unix {
            Some(path) => write!(f, "unix {}", path.display()),
            None => f.write_str(&self.addr),
        }
    }
}
