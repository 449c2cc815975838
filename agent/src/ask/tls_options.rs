//! TLS options: the trusted CA, and the client certificate.

use std::path::PathBuf;

use clap::Args;
use spoa_actors::client::ClientTls;

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

impl TlsOptions {
    /// No TLS.
    pub(crate) fn none() -> Self {
        Self { tls_ca: None, tls_cert: None, tls_key: None, tls_name: None, is_wanted: false }
    }

    /// TLS, even without a CA.
    pub(crate) fn wanted(self) -> Self {
        Self { is_wanted: true, ..self }
    }

    /// What the options ask for, if that is TLS.
    pub(crate) fn client_tls(&self) -> Option<ClientTls> {
        let mut tls = match &self.tls_ca {
            Some(ca) => ClientTls::new(ca),
            None if self.is_wanted => ClientTls::any_certificate(),
            None => return None,
        };
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            tls = tls.certificate(certificate, key);
        }
        if let Some(name) = &self.tls_name {
            tls = tls.name(name);
        }
        Some(tls)
    }
}
