//! Validity: the dates of a certificate.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

/// The dates of a certificate. Clients that verify it refuse it before and after them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    not_before: ASN1Time,
    not_after: ASN1Time,
}

/// Why a certificate is not valid now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Invalid {
    Early(ASN1Time),
    Expired(ASN1Time),
}

impl Validity {
    /// The validity of this certificate; `None` if its dates cannot be read.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        Some(Self { not_before: validity.not_before, not_after: validity.not_after })
    }

    /// Checks whether it is valid now.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let now = ASN1Time::now();
        if now < self.not_before {
            Err(Invalid::Early(self.not_before))
        } else if now > self.not_after {
            Err(Invalid::Expired(self.not_after))
        } else {
            Ok(())
        }
    }

    /// When it expires.
    pub(crate) fn expires(&self) -> SystemTime {
        let seconds = u64::try_from(self.not_after.timestamp()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

impl Invalid {
    /// Whether the certificate was not valid yet, and is valid now.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Early(not_before) if not_before <= ASN1Time::now())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Early(not_before) => {
                write!(f, "the certificate is not valid before {not_before}")
            }
            Self::Expired(not_after) => write!(f, "the certificate expired on {not_after}"),
        }
    }
}
