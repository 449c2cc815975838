//! TLS: the files of a TLS listener, and the configuration made of them.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::rustls::{
    CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    certificate_fault::CertificateFault,
    pem_file::{self, PemError},
    validity::{Invalid, Validity},
};
use crate::error::AgentError;

/// The longest certificate chain that is sent, in bytes: OpenSSL accepts up to 100 KiB.
const LONGEST_CHAIN: usize = 64 * 1024;
/// The fix for a certificate that cannot be used.
const NEW: &str = "have the certificate issued again";

/// The files of a listener with TLS 1.2 and 1.3, in PEM.
///
/// When the files change, the agent loads them again. New connections get the new certificate; open
/// ones stay as they are. If the files do not work, or the certificate has expired or is not valid
/// yet, the old one stays in use, and the log reports it.
///
/// At the start there is no old one: a certificate that is not valid is used, and the log has an
/// error. Each file is a regular file of up to 1 MiB.
///
/// ```no_run
/// # use spoa_actors::{Agent, AgentError, Listen, Tls};
/// # fn main() -> Result<(), AgentError> {
/// let tls = Tls::new("agent.pem", "agent.key").client_ca("haproxy-ca.pem");
/// let agent = Agent::new().listen_on(Listen::tcp("0.0.0.0:12345").tls(tls))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    reload_interval: Duration,
}

/// What the files hold.
pub(crate) struct Loaded {
    pub(crate) config: Arc<ServerConfig>,
    /// The validity of the listener's own certificate.
    pub(crate) validity: Validity,
}

impl Tls {
    /// Sets the file of the certificate, followed by its intermediate certificates, and the file of
    /// the private key, which must not be encrypted. Both can be the same file.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
            reload_interval: Duration::from_secs(2),
        }
    }

    /// Requires a client certificate that a CA in this file has signed (mutual TLS).
    #[must_use]
    pub fn client_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(path.into());
        self
    }

    /// Sets how often the files are checked [default: 2 s, at least 1 ms]. A change is loaded when
    /// two checks in a row find the same files, so that a half-written renewal is not loaded.
    #[must_use]
    pub fn reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval.max(Duration::from_millis(1));
        self
    }

    pub(crate) fn interval(&self) -> Duration {
        self.reload_interval
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    /// Loads the files. The caller checks whether the certificate is valid now.
    pub(crate) fn load(&self) -> Result<Loaded, AgentError> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&self.certificate)?;
        let size: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if size > LONGEST_CHAIN {
            let cause = format!("its certificates have {size} bytes, more than clients take");
            let advice = "keep the certificate and those between it and its CA alone";
            return Err(unusable(&self.certificate, cause, advice));
        }
        let validity = chain.first().and_then(Validity::of);
        let key = pem_file::private_key(&self.key).map_err(|error| not_pem(&self.key, error))?;
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| self.refused(&error))?;
        let config = match &self.client_ca {
            Some(path) => config.with_client_cert_verifier(verifier(path, provider)?),
            None => config.with_no_client_auth(),
        };
        let config = config.with_single_cert(chain, key).map_err(|error| self.refused(&error))?;
        let unreadable = || unusable(&self.certificate, "its dates cannot be read", NEW);
        Ok(Loaded { config: Arc::new(config), validity: validity.ok_or_else(unreadable)? })
    }

    /// The certificate is not valid now.
    pub(crate) fn invalid(&self, invalid: Invalid) -> AgentError {
        let advice = match invalid {
            Invalid::Early(_) => "set the clock, or wait: it is taken when it is valid",
            Invalid::Expired(_) => NEW,
        };
        unusable(&self.certificate, invalid, advice)
    }

    /// Finds out which file is wrong if certificate and key do not match.
    fn refused(&self, error: &Error) -> AgentError {
        match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                let certificate = self.certificate.display();
                let cause = format!("it is not the key of the certificate in {certificate}");
                unusable(&self.key, cause, "name the two files that were made together")
            }
            Error::InvalidCertificate(cause) => refused(&self.certificate, cause, NEW),
            _ => unusable(&self.key, error, "use an RSA, ECDSA or Ed25519 key in PKCS #8"),
        }
    }
}

fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, AgentError> {
    const ADVICE: &str = "name the CA that signs the certificates of the clients";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| match error {
            Error::InvalidCertificate(cause) => refused(path, &cause, ADVICE),
            error => unusable(path, error, ADVICE),
        })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(path, error, ADVICE))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AgentError> {
    pem_file::certificates(path).map_err(|error| not_pem(path, error))
}

fn not_pem(path: &Path, PemError { cause, advice }: PemError) -> AgentError {
    unusable(path, cause, advice)
}

/// rustls refuses the certificate.
fn refused(path: &Path, cause: &CertificateError, advice: &'static str) -> AgentError {
    let fault = CertificateFault(cause);
    unusable(path, &fault, fault.advice().unwrap_or(advice))
}

fn unusable(path: &Path, cause: impl fmt::Display, advice: &'static str) -> AgentError {
    AgentError::Tls { path: path.to_owned(), cause: cause.to_string(), advice }
}
