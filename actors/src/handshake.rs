//! Handshake: TLS on an accepted connection, and what to do about one that fails.

use std::{io, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{AlertDescription, CertificateError, Error, ServerConfig},
    server::TlsStream,
};

use crate::spop::Foreign;

/// Does the handshake of a connection whose `first` bytes were read already.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    first: [u8; Foreign::FIRST],
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<TlsStream<S>, (io::Error, S)> {
    let acceptor = TlsAcceptor::from(config);
    let accept = acceptor.accept_with(stream, |session| {
        // It has room for them, and a slice does not fail.
        let _ = session.read_tls(&mut first.as_slice());
    });
    accept.into_fallible().await
}

/// What an operator can do about a handshake that failed.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    use AlertDescription as Alert;
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return "the client gave up: look into its log";
    };
    match error {
        Error::NoCertificatesPresented => {
            "the client has no certificate: put `crt FILE` on the server line, or ask for none"
        }
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "the certificate of the client is not signed by the client CA: put another `crt FILE` \
             on the server line, or give the listener the CA of that one"
        }
        Error::InvalidCertificate(_) => {
            "the certificate of the client is not good: have a new one issued for it"
        }
        Error::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::UnsupportedCertificate
            // Its CA has the name of ours and another key.
            | Alert::DecryptError,
        ) => {
            "the client does not accept the certificate of the listener: put the CA of that one in \
             `ca-file` of the server line, and compare its names with `sni` and `verifyhost`"
        }
        Error::AlertReceived(_) => "the client gave up: look into its log",
        Error::PeerIncompatible(_) => "let the client speak TLS 1.2 or 1.3",
        _ => "find out who else connects to this port",
    }
}
