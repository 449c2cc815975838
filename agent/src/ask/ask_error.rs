//! Ask error: why an agent did not answer, and which option fixes it.

use std::{borrow::Cow, fmt, io, time::Duration};

use spoa_actors::client::{ClientError, EndpointError, TlsFix};
use thiserror::Error;

use crate::program;

/// Why the agent did not answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// There is no connection.
    #[error("{}", WithOptions(.0))]
    NoConnection(EndpointError),
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

impl From<EndpointError> for AskError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Timeout { endpoint, limit } => Self::Late { endpoint, limit },
            error => Self::NoConnection(error),
        }
    }
}

impl AskError {
    /// Whether the agent uses TLS, and requires a client certificate that was not sent.
    #[must_use]
    pub(crate) fn is_certificate_required(&self) -> bool {
        match self {
            Self::NoConnection(EndpointError::Tls { source, .. }) => {
                source.is_certificate_required()
            }
            // In TLS 1.3 the agent checks the client's certificate after the handshake.
            Self::Conversation { source, .. } => source.is_certificate_required(),
            _ => false,
        }
    }
}

/// The library's error, with the options that fix it.
struct WithOptions<'a>(&'a EndpointError);

impl fmt::Display for WithOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            EndpointError::Unreachable { endpoint, source } => {
                write!(f, "cannot connect to {endpoint}: {source}; {}", advice(source))
            }
            EndpointError::Tls { endpoint, source } => {
                let (cause, fix) = (source.cause(), source.fix());
                write!(f, "TLS with {endpoint} failed: {cause}; ")?;
                match fix {
                    TlsFix::Name => f.write_str("give the name of the certificate with --tls-name"),
                    TlsFix::Ca => {
                        f.write_str("name the CA that signed the agent's certificate with --tls-ca")
                    }
                    TlsFix::Certificate => f.write_str(
                        "it may ask for a certificate: give one with --tls-cert and --tls-key",
                    ),
                    other => other.fmt(f),
                }
            }
            other => other.fmt(f),
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
        error if error.is_tls_alert() => {
            "; it may ask for another certificate: give one with --tls-cert and --tls-key"
        }
        ClientError::Closed => "; check that it is a SPOE agent, without TLS and PROXY header",
        _ => "; check that it is a SPOE agent",
    }
}
