//! Endpoint options: the address of an agent, and one conversation with it within a time limit.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use spoa_actors::client::{ClientError, Connection, Endpoint, Stream};
use tokio::time::timeout;

use crate::{
    ask::{ask_error::AskError, tls_options::TlsOptions},
    option_values,
};

/// The address of the agent by default.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:12345";

/// The address of the agent to connect to.
#[derive(Args, Clone, Debug)]
pub(crate) struct EndpointOptions {
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

impl EndpointOptions {
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

    /// What the options describe.
    #[must_use]
    pub(crate) fn endpoint(&self) -> Endpoint {
        let mut endpoint = match &self.unix {
            Some(path) => Endpoint::unix(path),
            None => Endpoint::tcp(self.addr.as_deref().unwrap_or(DEFAULT_ADDRESS)),
        };
        if self.proxy_protocol {
            endpoint = endpoint.proxy_header();
        }
        match self.tls.client_tls() {
            Some(tls) => endpoint.tls(tls),
            None => endpoint,
        }
    }

    /// Connects and runs a conversation, both together within `limit`.
    ///
    /// # Errors
    ///
    /// If the connection fails, or the conversation ends early.
    pub(crate) async fn converse<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(Connection<Stream>) -> Result<T, ClientError>,
    ) -> Result<T, AskError> {
        let with = async |stream| conversation(Connection::new(stream).patience(limit)).await;
        self.within(limit, with).await
    }

    /// Connects and uses the stream, both together within `limit`.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        conversation: impl AsyncFnOnce(Stream) -> Result<T, ClientError>,
    ) -> Result<T, AskError> {
        let endpoint = self.endpoint().connect_timeout(limit);
        let late = || AskError::Late { endpoint: endpoint.to_string(), limit };
        let conversation = async {
            let stream = endpoint.connect().await?;
            conversation(stream).await.map_err(|error| match error {
                ClientError::Timeout(_) => late(),
                source => AskError::Conversation { endpoint: endpoint.to_string(), source },
            })
        };
        timeout(limit, conversation).await.unwrap_or_else(|_| Err(late()))
    }
}
