//! Endpoint error: why there is no connection to an agent.

use std::{io, time::Duration};

use thiserror::Error;

#[cfg(feature = "tls")]
use super::tls_error::TlsError;

/// Why there is no connection to an agent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The connection failed.
    #[error("cannot connect to {endpoint}: {source}; {}", advice(.source))]
    Unreachable {
        /// The address of the agent.
        endpoint: String,
        /// The cause.
        source: io::Error,
    },
    /// The time limit was reached.
    #[error(
        "cannot connect to {endpoint} within {limit:?}; check the address and the load of the \
         agent, or raise the limit"
    )]
    Timeout {
        /// The address of the agent.
        endpoint: String,
        /// The time limit.
        limit: Duration,
    },
    /// TLS failed.
    #[cfg(feature = "tls")]
    #[error("TLS with {endpoint} failed: {source}")]
    Tls {
        /// The address of the agent.
        endpoint: String,
        /// The cause.
        source: TlsError,
    },
}

/// The fix.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            "start an agent there, or use the address of one"
        }
        io::ErrorKind::PermissionDenied => {
            "run as a user who may write to the socket, or change the mode of the socket"
        }
        _ => "check the address",
    }
}
