//! TLS on the client's side: the trusted CA, and the client certificate.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use spoa_actors::{
    certificate_fault::CertificateFault,
    pem_file::{self, PemError},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error,
        InconsistentKeys, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

/// The fix for a certificate that cannot be used.
const NEW: &str = "have the certificate issued again";

/// TLS options of the connection to the agent.
#[derive(Args, Clone, Debug)]
pub(crate) struct TlsOptions {
    /// Use TLS, and trust the CA in this PEM file
    #[arg(long, value_name = "FILE", conflicts_with = "unix")]
    tls_ca: Option<PathBuf>,
    /// Send this certificate to an agent that requires one, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_ca", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Use this private key for the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Expect this name in the agent's certificate [default: the host of --addr]
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_name: Option<String>,
    /// TLS without a CA.
    #[arg(skip)]
    is_wanted: bool,
}

/// Why TLS with the agent failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A given file cannot be used.
    #[error("cannot use {} for TLS: {cause}; {advice}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
        /// The fix.
        advice: &'static str,
    },
    /// The agent's name cannot be in a certificate.
    #[error("{0:?} cannot be the name in a certificate; set the name with --tls-name")]
    Name(String),
    /// The handshake failed.
    #[error("{}; {}", Cause(.cause), advice(.cause))]
    Handshake {
        /// The cause; the error's text has it in better words.
        cause: io::Error,
    },
}

impl TlsOptions {
    /// No TLS.
    pub(crate) fn none() -> Self {
        Self { tls_ca: None, tls_cert: None, tls_key: None, tls_name: None, is_wanted: false }
    }

    /// TLS, even without a CA.
    pub(crate) fn wanted(self) -> Self {
        Self { is_wanted: true, ..self }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted || self.tls_ca.is_some()
    }

    /// Does the handshake with the agent at this host.
    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, TlsError> {
        let name = self.tls_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        let connector = TlsConnector::from(Arc::new(self.config()?));
        connector.connect(name, stream).await.map_err(|cause| TlsError::Handshake { cause })
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Handshake { cause: io::Error::other(error) })?;
        let config = match &self.tls_ca {
            Some(path) => config.with_root_certificates(roots(path)?),
            None => {
                let any = Arc::new(AnyCertificate(provider));
                config.dangerous().with_custom_certificate_verifier(any)
            }
        };
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(config.with_no_client_auth());
        };
        let chain = pem_file::certificates(certificate).map_err(not_pem(certificate))?;
        let private_key = pem_file::private_key(key).map_err(not_pem(key))?;
        config.with_client_auth_cert(chain, private_key).map_err(|error| match error {
            Error::InvalidCertificate(_) => unusable(certificate, &error, NEW),
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::File {
                path: key.clone(),
                cause: format!("it is not the key of the certificate in {}", certificate.display()),
                advice: "name the two files that were made together",
            },
            _ => unusable(key, &error, "use an RSA, ECDSA or Ed25519 key in PKCS #8"),
        })
    }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem_file::certificates(path).map_err(not_pem(path))? {
        let added = roots.add(certificate);
        added.map_err(|error| unusable(path, &error, "name the CA's certificate"))?;
    }
    Ok(roots)
}

fn not_pem(path: &Path) -> impl FnOnce(PemError) -> TlsError {
    |PemError { cause, advice }| TlsError::File { path: path.to_owned(), cause, advice }
}

fn unusable(path: &Path, error: &Error, advice: &'static str) -> TlsError {
    let (cause, fault) = match error {
        Error::InvalidCertificate(error) => {
            let fault = CertificateFault(error);
            (fault.to_string(), fault.advice())
        }
        error => (error.to_string(), None),
    };
    TlsError::File { path: path.to_owned(), cause, advice: fault.unwrap_or(advice) }
}

/// Whether the agent ended TLS because no client certificate was sent.
pub(crate) fn is_certificate_required(error: &io::Error) -> bool {
    matches!(cause(error), Some(Error::AlertReceived(AlertDescription::CertificateRequired)))
}

/// Whether the agent ended TLS with an alert.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    matches!(cause(error), Some(Error::AlertReceived(_)))
}

fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Why the handshake failed, in words.
struct Cause<'a>(&'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match cause(self.0) {
            Some(Error::InvalidCertificate(error)) => CertificateFault(error).fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

/// The fix.
fn advice(error: &io::Error) -> &'static str {
    match cause(error) {
        Some(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) if presented.is_empty() => {
            "have it issued again with a name, such as -addext subjectAltName=DNS:NAME of openssl"
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "give the name of the certificate with --tls-name",
        Some(Error::InvalidCertificate(error)) => CertificateFault(error)
            .advice()
            .unwrap_or("name the CA that signed the agent's certificate with --tls-ca"),
        Some(Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        )) => "it may ask for a certificate: give one with --tls-cert and --tls-key",
        Some(Error::AlertReceived(_)) => "the agent's log says why",
        _ => "check that the agent speaks TLS there",
    }
}

/// Accepts any certificate whose key the agent has, as `verify none` of HAProxy does: for a health
/// check of an agent that was found on this machine, to which it sends no data.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
