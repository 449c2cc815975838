//! Certificates for tests: a CA, what it issues, and the files of a listener.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519,
};
use spoa_actors::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

/// A CA.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The files of a listener, in a folder of their own that goes with the value.
pub(crate) struct Files(PathBuf);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "a CA of tests");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_for(name, &KeyPair::generate().unwrap())
    }

    pub(crate) fn issue_for_ed25519(&self, name: &str) -> Issued {
        self.issue_for(name, &KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    /// Valid from one time until another.
    pub(crate) fn issue_between(&self, name: &str, times: [SystemTime; 2]) -> Issued {
        let mut params = Self::params(name);
        [params.not_before, params.not_after] = times.map(Into::into);
        self.sign(&params, &KeyPair::generate().unwrap())
    }

    fn issue_for(&self, name: &str, key: &KeyPair) -> Issued {
        self.sign(&Self::params(name), key)
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Issued {
        let certificate = params.signed_by(key, &self.0).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Files {
    pub(crate) fn new(issued: &Issued) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spoa-actors-tls-{}-{number}", std::process::id());
        let files = Self(std::env::temp_dir().join(name));
        fs::create_dir(&files.0).unwrap();
        files.replace(issued);
        files
    }

    /// As most tools do it: under another name first.
    pub(crate) fn replace(&self, issued: &Issued) {
        for (name, text) in [("key", &issued.key), ("certificate", &issued.certificate)] {
            let other = self.write("new", text);
            fs::rename(other, self.path(name)).unwrap();
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::new(self.path("certificate"), self.path("key"))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client that trusts a CA, and has a certificate if one is given.
#[derive(Clone)]
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    pub(crate) fn new(trusted: &Authority, own: Option<&Issued>) -> Self {
        Self::of_versions(&[&TLS13, &TLS12], trusted, own)
    }

    pub(crate) fn of_versions(
        versions: &[&'static SupportedProtocolVersion],
        trusted: &Authority,
        own: Option<&Issued>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.0.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes());
                let chain = chain.collect::<Result<_, _>>().unwrap();
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        Self(Arc::new(config))
    }

    /// Does the handshake with the listener of this name.
    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: &str,
        stream: S,
    ) -> std::io::Result<TlsStream<S>> {
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector.connect(name.to_owned().try_into().unwrap(), stream).await
    }
}
