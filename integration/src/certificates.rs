//! Certificates: a CA, and what it issues, as HAProxy and the agent want their files.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

use crate::Failure;

/// A CA of its own.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key in PEM; one behind the other they are what HAProxy calls `crt`.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Authority {
    /// Makes a CA of this name.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let failed = || Failure::during("cannot make a CA");
        let mut params = CertificateParams::new([]).map_err(failed())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(failed())?;
        Ok(Self(CertifiedIssuer::self_signed(params, key).map_err(failed())?))
    }

    /// The certificate of the CA, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for this name.
    ///
    /// # Errors
    /// It is no name.
    pub fn issue(&self, name: &str) -> Result<Issued, Failure> {
        self.issue_with(name, None)
    }

    /// Issues a certificate for this name and this URI.
    ///
    /// # Errors
    /// It is no name, or no URI.
    pub fn issue_to(&self, name: &str, uri: &str) -> Result<Issued, Failure> {
        self.issue_with(name, Some(uri))
    }

    fn issue_with(&self, name: &str, uri: Option<&str>) -> Result<Issued, Failure> {
        let failed = || Failure::during(format!("cannot issue a certificate for {name}"));
        let mut params = CertificateParams::new([name.to_owned()]).map_err(failed())?;
        if let Some(uri) = uri {
            params.subject_alt_names.push(SanType::URI(uri.try_into().map_err(failed())?));
        }
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(failed())?;
        let certificate = params.signed_by(&key, &self.0).map_err(failed())?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
