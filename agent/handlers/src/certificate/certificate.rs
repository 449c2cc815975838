//! Certificate: what a certificate in DER says.

use std::net::IpAddr;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer,
    x509::AttributeTypeAndValue,
};

use super::{distinguished_name, hex};

/// The most names of one sort that are taken: a certificate with more is not believed.
const MOST_NAMES: usize = 100;

/// What a certificate says. Nothing of it is verified here: HAProxy has done that, as far as its `verify` says.
///
/// A name with control characters is dropped, so that none can end a line or a header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// Who it is for, as `ssl_c_s_dn(,0,rfc2253)` prints it.
    pub subject: String,
    /// The common name of the subject.
    pub common_name: Option<String>,
    /// The organization of the subject.
    pub organization: Option<String>,
    /// Who has signed it, as `ssl_c_i_dn(,0,rfc2253)` prints it.
    pub issuer: String,
    /// The common name of the issuer.
    pub issuer_name: Option<String>,
    /// Its serial number, as `ssl_c_serial,hex` prints it.
    pub serial: String,
    /// Its fingerprint, as `ssl_c_sha1,hex` prints it.
    pub sha1: String,
    /// Its fingerprint, as `ssl_c_der,sha2(256),hex` prints it.
    pub sha256: String,
    /// From when on it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// Names of hosts that it is for.
    pub dns: Vec<String>,
    /// URIs that it is for.
    pub uris: Vec<String>,
    /// Mail addresses that it is for.
    pub emails: Vec<String>,
    /// Addresses that it is for.
    pub ips: Vec<IpAddr>,
}

/// Why bytes are no certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// They are not X.509 in DER.
    #[error("it is no certificate in DER")]
    Malformed,
    /// Something stands behind the certificate.
    #[error("{0} bytes stand behind the certificate")]
    Trailing(usize),
    /// It says twice which names it is for, or in a form that cannot be read.
    #[error("its alternative names cannot be read")]
    AlternativeNames,
    /// It is for more names than anybody needs.
    #[error("it has more than {MOST_NAMES} alternative names of one sort")]
    TooManyNames,
}

impl Certificate {
    /// Reads a certificate in DER: what `ssl_c_der` gives.
    ///
    /// # Errors
    ///
    /// If the bytes are not exactly one certificate whose names can be read.
    pub fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let (behind, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !behind.is_empty() {
            return Err(CertificateError::Trailing(behind.len()));
        }
        let (subject, issuer) = (parsed.subject(), parsed.issuer());
        let mut certificate = Self {
            subject: distinguished_name::text(subject),
            common_name: first(subject.iter_common_name()),
            organization: first(subject.iter_organization()),
            issuer: distinguished_name::text(issuer),
            issuer_name: first(issuer.iter_common_name()),
            serial: hex::integer(parsed.raw_serial()),
            sha1: hex::hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()),
            sha256: hex::hex(digest(&SHA256, der).as_ref()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            dns: Vec::new(),
            uris: Vec::new(),
            emails: Vec::new(),
            ips: Vec::new(),
        };
        let names =
            parsed.subject_alternative_name().map_err(|_| CertificateError::AlternativeNames)?;
        for name in names.iter().flat_map(|extension| &extension.value.general_names) {
            certificate.add(name)?;
        }
        Ok(certificate)
    }

    /// Its identity in SPIFFE: the only URI that it is for, if that is one of SPIFFE.
    #[must_use]
    pub fn spiffe(&self) -> Option<&str> {
        match &self.uris[..] {
            [only] if only.starts_with("spiffe://") => Some(only),
            _ => None,
        }
    }

    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), CertificateError> {
        let is_full = match name {
            GeneralName::DNSName(name) => add(&mut self.dns, clean(name)),
            GeneralName::URI(uri) => add(&mut self.uris, clean(uri)),
            GeneralName::RFC822Name(name) => add(&mut self.emails, clean(name)),
            GeneralName::IPAddress(octets) => add(&mut self.ips, address(octets)),
            GeneralName::Invalid(..) => return Err(CertificateError::AlternativeNames),
            _ => false,
        };
        if is_full { Err(CertificateError::TooManyNames) } else { Ok(()) }
    }
}

/// Adds what there is; whether there is no room for it.
fn add<T>(names: &mut Vec<T>, name: Option<T>) -> bool {
    let is_full = names.len() == MOST_NAMES && name.is_some();
    if !is_full {
        names.extend(name);
    }
    is_full
}

fn first<'a, 'b: 'a>(
    mut all: impl Iterator<Item = &'a AttributeTypeAndValue<'b>>,
) -> Option<String> {
    clean(all.next()?.as_str().ok()?)
}

fn clean(text: &str) -> Option<String> {
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let four: Result<[u8; 4], _> = octets.try_into();
    let sixteen: Result<[u8; 16], _> = octets.try_into();
    four.map(IpAddr::from).or(sixteen.map(IpAddr::from)).ok()
}
