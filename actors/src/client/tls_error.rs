//! TLS error: why TLS with an agent failed, and the fix.

use std::{fmt, io, path::Path};

use thiserror::Error;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as Rustls};

use crate::listen::{certificate_fault::CertificateFault, pem_file::PemError};

/// Why TLS with an agent failed.
#[derive(Debug, Error)]
#[error("{cause}; {fix}")]
pub struct TlsError {
    cause: String,
    fix: TlsFix,
    is_certificate_required: bool,
}

/// How to fix TLS with an agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsFix {
    /// Set the name of the agent's certificate: [`ClientTls::name`](super::ClientTls::name).
    Name,
    /// Trust the CA that signed the agent's certificate:
    /// [`ClientTls::new`](super::ClientTls::new).
    Ca,
    /// Send a certificate: [`ClientTls::certificate`](super::ClientTls::certificate).
    Certificate,
    /// Something else, in words.
    Other(&'static str),
}

impl fmt::Display for TlsFix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "set the name that the agent's certificate has",
            Self::Ca => "trust the CA that signed the agent's certificate",
            Self::Certificate => "it may ask for a certificate: send one",
            Self::Other(advice) => advice,
        })
    }
}

impl TlsError {
    /// The cause, without the fix.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// The fix.
    #[must_use]
    pub fn fix(&self) -> TlsFix {
        self.fix
    }

    /// Whether the agent requires a client certificate that was not sent.
    #[must_use]
    pub fn is_certificate_required(&self) -> bool {
        self.is_certificate_required
    }

    fn new(cause: String, fix: TlsFix) -> Self {
        Self { cause, fix, is_certificate_required: false }
    }

    /// This file cannot be used.
    pub(super) fn file(path: &Path, cause: impl fmt::Display, advice: &'static str) -> Self {
        let cause = format!("cannot use {} for TLS: {cause}", path.display());
        Self::new(cause, TlsFix::Other(advice))
    }

    pub(super) fn not_pem(path: &Path) -> impl FnOnce(PemError) -> Self {
        |PemError { cause, advice }| Self::file(path, cause, advice)
    }

    /// rustls refuses what is in this file.
    pub(super) fn unusable(path: &Path, error: &Rustls, advice: &'static str) -> Self {
        match error {
            Rustls::InvalidCertificate(error) => {
                let fault = CertificateFault(error);
                Self::file(path, &fault, fault.advice().unwrap_or(advice))
            }
            error => Self::file(path, error, advice),
        }
    }

    /// A certificate cannot have this name.
    pub(super) fn name(name: Option<&str>) -> Self {
        let cause = name.map_or_else(
            || "a UNIX socket has no name that a certificate could have".to_owned(),
            |name| format!("{name:?} cannot be the name in a certificate"),
        );
        Self::new(cause, TlsFix::Name)
    }

    /// The files were not read.
    pub(super) fn not_read(cause: impl fmt::Display) -> Self {
        let fix = TlsFix::Other("connect while the runtime runs");
        Self::new(format!("the files were not read: {cause}"), fix)
    }

    /// The handshake failed.
    pub(super) fn handshake(error: &io::Error) -> Self {
        let is_certificate_required = is_certificate_required(error);
        Self { cause: cause(error), fix: fix(error), is_certificate_required }
    }
}

/// Whether the agent ended TLS because no client certificate was sent.
pub(super) fn is_certificate_required(error: &io::Error) -> bool {
    matches!(rustls(error), Some(Rustls::AlertReceived(AlertDescription::CertificateRequired)))
}

/// Whether the agent ended TLS with an alert.
pub(super) fn is_alert(error: &io::Error) -> bool {
    matches!(rustls(error), Some(Rustls::AlertReceived(_)))
}

fn rustls(error: &io::Error) -> Option<&Rustls> {
    error.get_ref()?.downcast_ref()
}

/// Why the handshake failed, in words.
fn cause(error: &io::Error) -> String {
    match rustls(error) {
        Some(Rustls::InvalidCertificate(error)) => CertificateFault(error).to_string(),
        _ => error.to_string(),
    }
}

fn fix(error: &io::Error) -> TlsFix {
    match rustls(error) {
        Some(Rustls::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) if presented.is_empty() => TlsFix::Other(
            "have it issued again with a name, such as -addext subjectAltName=DNS:NAME of openssl",
        ),
        Some(Rustls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => TlsFix::Name,
        Some(Rustls::InvalidCertificate(error)) => {
            CertificateFault(error).advice().map_or(TlsFix::Ca, TlsFix::Other)
        }
        Some(Rustls::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        )) => TlsFix::Certificate,
        Some(Rustls::AlertReceived(_)) => TlsFix::Other("the agent's log says why"),
        _ => TlsFix::Other("check that the agent speaks TLS there"),
    }
}
