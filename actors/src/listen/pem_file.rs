//! PEM file: certificates and private keys in a file, or what the file contains instead.

use std::{error, fmt, io, path::Path};

use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use super::regular_file;

/// The largest file in bytes.
const MOST: u64 = 1 << 20;
/// The beginning of a PEM section, and the end of its label.
const MARKS: (&str, &str) = ("-----BEGIN ", "-----");
/// The first byte of every binary certificate or key: a SEQUENCE of ASN.1.
const SEQUENCE: u8 = 0x30;

/// Why a PEM file cannot be used.
#[derive(Debug)]
pub struct PemError {
    /// What is wrong with the file.
    pub cause: String,
    /// How to fix it.
    pub advice: &'static str,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause, self.advice)
    }
}

impl error::Error for PemError {}

/// Checks that a file has certificates.
///
/// # Errors
///
/// If the file cannot be read, or has no certificate. The error names what it contains instead.
pub fn check_certificates(path: &Path) -> Result<(), PemError> {
    certificates(path).map(drop)
}

/// Checks that a file has a private key.
///
/// # Errors
///
/// If the file cannot be read, or has no private key. The error names what it contains instead.
pub fn check_private_key(path: &Path) -> Result<(), PemError> {
    private_key(path).map(drop)
}

/// The certificates in a regular file of up to 1 MiB, in order.
///
/// # Errors
///
/// If the file cannot be read, or has no certificate. The error names what it contains instead.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let bytes = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(none) if none.is_empty() => Err(no_certificate(&bytes)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The first private key in a regular file of up to 1 MiB.
///
/// # Errors
///
/// If the file cannot be read, or has no private key. The error names what it contains instead.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let bytes = read(path)?;
    if Found::in_file(&bytes) == Found::EncryptedKey {
        return Err(no_private_key(&bytes));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => no_private_key(&bytes),
        error => unreadable(&error),
    })
}

/// What a file contains instead of the expected section.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Found {
    Nothing,
    NoPem,
    Binary,
    Certificate,
    TrustedCertificate,
    Request,
    PrivateKey,
    EncryptedKey,
    OpensshKey,
    Other(String),
}

impl Found {
    /// The first section of the file, without parameters of a key.
    fn in_file(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let labels = text.lines().filter_map(|line| {
            line.trim().strip_prefix(MARKS.0)?.strip_suffix(MARKS.1).map(str::trim)
        });
        let mut labels = labels.filter(|label| !label.ends_with("PARAMETERS"));
        match labels.next() {
            Some("CERTIFICATE" | "X509 CERTIFICATE") => Self::Certificate,
            Some("TRUSTED CERTIFICATE") => Self::TrustedCertificate,
            Some("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => Self::Request,
            Some("ENCRYPTED PRIVATE KEY") => Self::EncryptedKey,
            Some("OPENSSH PRIVATE KEY") => Self::OpensshKey,
            // The format of OpenSSL before 1.0.
            Some(label) if label.ends_with("PRIVATE KEY") && text.contains("\nProc-Type: 4,EN") => {
                Self::EncryptedKey
            }
            Some(label) if label.ends_with("PRIVATE KEY") => Self::PrivateKey,
            Some(label) => Self::Other(label.chars().take(40).collect()),
            None if bytes.iter().all(u8::is_ascii_whitespace) => Self::Nothing,
            None if bytes.first() == Some(&SEQUENCE) => Self::Binary,
            None => Self::NoPem,
        }
    }
}

impl Found {
    fn instead_of(&self, wanted: &str) -> String {
        match self {
            Self::Nothing | Self::NoPem | Self::Binary => self.to_string(),
            _ => format!("{self} and no {wanted}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "it is empty",
            Self::NoPem => "it has no line that begins with -----BEGIN",
            Self::Binary => "it is binary (DER or PKCS #12), not PEM",
            Self::Certificate => "it holds a certificate",
            Self::TrustedCertificate => "it holds a TRUSTED CERTIFICATE of OpenSSL",
            Self::Request => "it holds a certificate request",
            Self::PrivateKey => "it holds a private key",
            Self::EncryptedKey => "its private key is encrypted",
            Self::OpensshKey => "it holds a key of OpenSSH",
            Self::Other(label) => return write!(f, "it holds a section {label:?}"),
        })
    }
}

fn no_certificate(bytes: &[u8]) -> PemError {
    let found = Found::in_file(bytes);
    let advice = match found {
        Found::PrivateKey | Found::EncryptedKey => {
            "name the file of the certificate; if the files of certificate and key are swapped, \
             exchange them"
        }
        Found::Binary => {
            "convert it: `openssl x509 -inform DER -in FILE -out CERT.pem`, or `openssl pkcs12 \
             -nokeys -in FILE -out CERT.pem`"
        }
        Found::TrustedCertificate => "convert it: `openssl x509 -in FILE -out CERT.pem`",
        Found::Request => "name the certificate that the CA has issued for it",
        _ => "name a file with -----BEGIN CERTIFICATE----- in it",
    };
    PemError { cause: found.instead_of("certificate"), advice }
}

fn no_private_key(bytes: &[u8]) -> PemError {
    let found = Found::in_file(bytes);
    let advice = match found {
        Found::Certificate => {
            "name the file of its private key; if the files of certificate and key are swapped, \
             exchange them"
        }
        Found::EncryptedKey => "decrypt it: `openssl pkey -in FILE -out KEY.pem`",
        Found::Binary => {
            "convert it: `openssl pkey -inform DER -in FILE -out KEY.pem`, or `openssl pkcs12 \
             -nocerts -nodes -in FILE -out KEY.pem`"
        }
        _ => "name a file with -----BEGIN PRIVATE KEY----- in it",
    };
    let cause = match found {
        Found::EncryptedKey => found.to_string(),
        _ => found.instead_of("private key"),
    };
    PemError { cause, advice }
}

/// The crate's own text has the bytes of the file as numbers.
fn unreadable(error: &pem::Error) -> PemError {
    let cause = match error {
        pem::Error::MissingSectionEnd { .. } => "it has a BEGIN without its END".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "its BEGIN cannot be read".to_owned(),
        pem::Error::Base64Decode(_) => "it is not base64 between BEGIN and END".to_owned(),
        other => other.to_string(),
    };
    PemError { cause, advice: "copy it again, as a whole" }
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    regular_file::read(path, MOST).map(|(bytes, _)| bytes).map_err(|cause| {
        let advice = match cause.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::PermissionDenied => "let the user that this program runs as read it",
            _ => "check that it is a file in PEM",
        };
        PemError { cause: cause.to_string(), advice }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, certificate: &str, key: &str) {
        let lines = [no_certificate(content.as_bytes()), no_private_key(content.as_bytes())];
        for (error, parts) in lines.iter().zip([certificate, key]) {
            let line = error.to_string();
            for part in parts.split(" … ") {
                assert!(line.contains(part), "{part:?} is not in {line:?}");
            }
        }
    }

    fn section(label: &str) -> String {
        format!("Bag Attributes\r\n-----BEGIN {label}-----\r\nAAAA\r\n-----END {label}-----\r\n")
    }

    #[test]
    fn a_file_of_the_wrong_kind_is_named_by_what_is_in_it() {
        check("\n", "it is empty; name", "it is empty … -----BEGIN PRIVATE KEY-----");
        check("hello", "no line that begins with -----BEGIN", "no line that begins");
        check("0\u{1}", "binary … openssl x509 -inform DER", "binary … openssl pkey -inform DER");
        let certificate = section("CERTIFICATE");
        check(&certificate, "a certificate", "it holds a certificate and no p … swapped");
        let request = section("CERTIFICATE REQUEST");
        check(&request, "request and no certificate … that the CA has issued", "request and no p");
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            check(&section(label), "it holds a private key and no c … swapped", "private key");
        }
        let with_parameters = section("EC PARAMETERS") + &section("EC PRIVATE KEY");
        check(&with_parameters, "a private key and no certificate", "a private key");
        check(&section("OPENSSH PRIVATE KEY"), "key of OpenSSH", "key of OpenSSH");
        check(&section("TRUSTED CERTIFICATE"), "TRUSTED … openssl x509 -in", "TRUSTED");
        check(&section("DH\u{1b}"), r#""DH\u{1b}""#, r#""DH\u{1b}""#);
        let encrypted = "its private key is encrypted; decrypt it: `openssl pkey";
        check(&section("ENCRYPTED PRIVATE KEY"), "key is encrypted … swapped", encrypted);
        let old = section("RSA PRIVATE KEY").replace("AAAA", "Proc-Type: 4,ENCRYPTED\nAAAA");
        check(&old, "key is encrypted and no certificate", encrypted);
    }
}
