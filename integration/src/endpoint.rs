//! Where an agent listens: a TCP address or a UNIX socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use spoa_actors::client;

/// `Display` writes it as HAProxy's `server` line wants it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// An address on loopback.
    Tcp(SocketAddr),
    /// The path of a stream socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix@{}", path.display()),
        }
    }
}

impl Endpoint {
    /// The same for a client of the agent.
    #[must_use]
    pub fn of_client(&self) -> client::Endpoint {
        match self {
            Self::Tcp(address) => client::Endpoint::tcp(address),
            Self::Unix(path) => client::Endpoint::unix(path),
        }
    }
}

impl From<&Endpoint> for Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        endpoint.clone()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}
