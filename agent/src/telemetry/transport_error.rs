//! Transport error: why a collector has not taken what was sent, and whether to ask again.

use std::{error::Error, time::Duration};

use reqwest::StatusCode;
use thiserror::Error;
use tonic::{Code, Status};

/// Why a collector has not taken what was sent.
#[derive(Debug, Error)]
pub(crate) enum TransportError {
    #[error("it answers with gRPC status {:?}: {}", .0.code(), causes(.0))]
    Grpc(Box<Status>),
    #[error("it answers with HTTP status {status}")]
    Refused { status: StatusCode, after: Option<Duration> },
    #[error("it cannot be reached: {}", causes(.0))]
    Http(reqwest::Error),
    #[error("its answer is not OTLP: {0}")]
    Answer(#[from] prost::DecodeError),
    #[error("its answer has more than {0} bytes")]
    Endless(usize),
    #[error("it did not answer within {0:?}")]
    Late(Duration),
    #[error("the agent stopped before it answered")]
    Ended,
}

impl TransportError {
    /// After which pause at least to ask again, if it may help.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Grpc(status) => is_transient(status.code()).then_some(Duration::ZERO),
            Self::Refused { status, after } => {
                matches!(status.as_u16(), 429 | 502..=504).then_some(after.unwrap_or_default())
            }
            Self::Http(error) => (!error.is_builder()).then_some(Duration::ZERO),
            Self::Answer(_) | Self::Endless(_) | Self::Late(_) | Self::Ended => None,
        }
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Grpc(status) => match status.code() {
                Code::Unauthenticated | Code::PermissionDenied => CREDENTIALS,
                Code::Unimplemented => {
                    "compare the port with --otlp-protocol: 4317 is most often gRPC"
                }
                _ => REACH,
            },
            Self::Refused { status, .. } => match status.as_u16() {
                401 | 403 => CREDENTIALS,
                404 | 405 | 415 => {
                    "compare the URL and port with --otlp-protocol: 4318 is most often HTTP"
                }
                _ => "look into the collector's log",
            },
            Self::Http(_) | Self::Late(_) | Self::Ended => REACH,
            Self::Answer(_) | Self::Endless(_) => "compare the URL with that of an OTLP collector",
        }
    }
}

const CREDENTIALS: &str = "give its credentials with --otlp-header or OTEL_EXPORTER_OTLP_HEADERS";
const REACH: &str =
    "see that the collector runs where --otlp says, and that https:// is used if it speaks TLS";

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        // A query may be a secret, and the operator knows the URL.
        Self::Http(error.without_url())
    }
}

impl From<Status> for TransportError {
    fn from(status: Status) -> Self {
        Self::Grpc(Box::new(status))
    }
}

fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted
            | Code::Cancelled
            | Code::DataLoss
            | Code::DeadlineExceeded
            | Code::OutOfRange
            | Code::Unavailable
    )
}

/// What lies behind it, which the error itself does not tell.
fn causes(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::crypto::ring;

    use super::*;

    #[tokio::test]
    async fn a_failure_does_not_tell_the_url_with_its_query() {
        let _ = ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let error = client.get("http://127.0.0.1:1/v1?token=secret").send().await.unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
        let error = TransportError::from(error);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
