//! Certificate fault: why a certificate is refused, and the fix.

use std::fmt;

use tokio_rustls::rustls::{CertificateError, pki_types::UnixTime};
use x509_parser::time::ASN1Time;

/// Why a certificate is refused, in words; rustls shows some reasons as `Debug`.
#[derive(Debug)]
pub(crate) struct CertificateFault<'a>(pub(crate) &'a CertificateError);

impl CertificateFault<'_> {
    /// The fix, if it is the same for the agent's and the client's certificate.
    #[must_use]
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self.0 {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Some("have the certificate issued again")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Some("set the clocks, or wait until it is valid")
            }
            CertificateError::Other(_) if self.is(CA_AS_SERVER) => Some(
                "`openssl req -x509` makes such a certificate unless it is given -addext \
                 basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:NAME,IP:ADDRESS: make it \
                 so, or have it signed by a CA",
            ),
            CertificateError::Other(_) if self.is(OLD_VERSION) => Some(
                "issue it again as version 3: `openssl x509 -req` makes that if it is given -extfile \
                 FILE, with subjectAltName=DNS:NAME,IP:ADDRESS in FILE",
            ),
            _ => None,
        }
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.0, CertificateError::Other(other) if other.0.to_string() == name)
    }
}

/// The name in the verifier under rustls for a server's certificate that belongs to a CA.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";
/// Its name for a certificate of X.509 before version 3.
const OLD_VERSION: &str = "UnsupportedCertVersion";

impl fmt::Display for CertificateFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CertificateError::BadEncoding => f.write_str("the certificate cannot be read"),
            CertificateError::Expired => f.write_str("the certificate has expired"),
            CertificateError::ExpiredContext { not_after, .. } => {
                write!(f, "the certificate expired on {}", date(*not_after))
            }
            CertificateError::NotValidYet => f.write_str("the certificate is not valid yet"),
            CertificateError::NotValidYetContext { not_before, .. } => {
                write!(f, "the certificate is not valid before {}", date(*not_before))
            }
            CertificateError::UnknownIssuer => {
                f.write_str("the certificate is signed by a CA that is not trusted")
            }
            CertificateError::BadSignature => {
                f.write_str("the signature of the certificate does not fit")
            }
            CertificateError::NotValidForName => {
                f.write_str("the certificate is not valid for this name")
            }
            CertificateError::Other(_) if self.is(CA_AS_SERVER) => {
                f.write_str("the certificate is one of a CA (CA:TRUE), and not of a server")
            }
            CertificateError::Other(_) if self.is(OLD_VERSION) => f.write_str(
                "the certificate is one of X.509 version 1 or 2, which has no names of servers",
            ),
            CertificateError::Other(other) => {
                write!(f, "the certificate cannot be verified ({})", other.0)
            }
            CertificateError::NotValidForNameContext { expected, presented } => {
                write!(f, "the certificate is not valid for {:?}", expected.to_str())?;
                let names: Vec<_> = presented.iter().map(|name| plain(name)).collect();
                if names.is_empty() {
                    Ok(())
                } else {
                    write!(f, ", but for {}", names.join(" and "))
                }
            }
            CertificateError::InvalidPurposeContext { .. } => write!(f, "the {}", self.0),
            other => write!(f, "the certificate cannot be verified ({other})"),
        }
    }
}

/// The name in `DnsName("localhost")` or `IpAddress(127.0.0.1)`, rustls's format.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    ASN1Time::from_timestamp(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
