//! Client TLS: the trusted CA, the client's certificate and the agent's name.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::spawn_blocking;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, Error, InconsistentKeys, RootCertStore, crypto::ring, pki_types::ServerName,
    },
};

use super::{any_certificate::AnyCertificate, stream::Stream, tls_error::TlsError};
use crate::listen::pem_file;

/// The fix for a certificate that cannot be used.
const NEW: &str = "have the certificate issued again";

/// TLS 1.2 and 1.3 with an agent: which certificate of the agent a client accepts, and which one it
/// sends.
///
/// Files are in PEM: regular files of up to 1 MiB, read for each connection.
///
/// ```
/// use spoa_actors::client::{ClientTls, Endpoint};
///
/// let tls = ClientTls::new("agent-ca.pem").certificate("client.pem", "client.key");
/// let endpoint = Endpoint::tcp("192.0.2.7:12345").tls(tls.name("agent.example"));
/// ```
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Without one, any certificate is accepted.
    ca: Option<PathBuf>,
    own: Option<Own>,
    name: Option<String>,
}

/// The files of the client's certificate.
#[derive(Clone, Debug)]
struct Own {
    certificate: PathBuf,
    key: PathBuf,
}

impl ClientTls {
    /// Accepts an agent whose certificate a CA in this file has signed.
    #[must_use]
    pub fn new(ca: impl Into<PathBuf>) -> Self {
        Self { ca: Some(ca.into()), own: None, name: None }
    }

    /// Accepts any certificate whose key the agent has, as `verify none` of HAProxy does: for a
    /// health check that sends no data, and for tests.
    #[must_use]
    pub fn any_certificate() -> Self {
        Self { ca: None, own: None, name: None }
    }

    /// Sends this certificate to an agent that requires one, with its private key, which must not
    /// be encrypted. Both can be the same file.
    #[must_use]
    pub fn certificate(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let own = Own { certificate: certificate.into(), key: key.into() };
        Self { own: Some(own), ..self }
    }

    /// Expects this name in the agent's certificate [default: the host of a TCP address].
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Does the handshake with the agent at this host.
    pub(super) async fn connect(
        &self,
        host: Option<&str>,
        stream: Stream,
    ) -> Result<Stream, TlsError> {
        let name = self.name.as_deref().or(host);
        let expected = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
        let expected = expected.ok_or_else(|| TlsError::name(name))?;
        let tls = self.clone();
        // A file can be on a disk that does not answer.
        let config = spawn_blocking(move || tls.config()).await.map_err(TlsError::not_read)??;
        let connector = TlsConnector::from(Arc::new(config));
        let connected = connector.connect(expected, stream).await;
        connected.map(Stream::new).map_err(|error| TlsError::handshake(&error))
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::handshake(&io::Error::other(error)))?;
        let config = match &self.ca {
            Some(path) => config.with_root_certificates(roots(path)?),
            None => {
                let any = Arc::new(AnyCertificate(provider));
                config.dangerous().with_custom_certificate_verifier(any)
            }
        };
        let Some(Own { certificate, key }) = &self.own else {
            return Ok(config.with_no_client_auth());
        };
        let chain = pem_file::certificates(certificate).map_err(TlsError::not_pem(certificate))?;
        let private_key = pem_file::private_key(key).map_err(TlsError::not_pem(key))?;
        config.with_client_auth_cert(chain, private_key).map_err(|error| match error {
            Error::InvalidCertificate(_) => TlsError::unusable(certificate, &error, NEW),
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                let certificate = certificate.display();
                let cause = format!("it is not the key of the certificate in {certificate}");
                TlsError::file(key, cause, "name the two files that were made together")
            }
            _ => TlsError::unusable(key, &error, "use an RSA, ECDSA or Ed25519 key in PKCS #8"),
        })
    }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem_file::certificates(path).map_err(TlsError::not_pem(path))? {
        let added = roots.add(certificate);
        added.map_err(|error| TlsError::unusable(path, &error, "name the CA's certificate"))?;
    }
    Ok(roots)
}
