//! Handshake: TLS on an accepted connection, and what to do about one that fails.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{AlertDescription, CertificateError, Error, ServerConfig, ServerConnection},
};

use super::{
    certificate_fault::CertificateFault,
    secured::{Followed, Secured},
};
use crate::spop::ForeignProtocol;

/// How many bytes of memory a handshake takes at most: the session, what rustls buffers of
/// [`MOST`] bytes, and the tasks around them.
pub(crate) const COST: usize = 64 * 1024;
/// How many bytes a client may send before its handshake is done. It sends 3 KiB as a rule, and 2 KiB
/// more for each certificate.
const MOST: usize = 32 * 1024;
/// How much is read at a time at most.
const READ_SIZE: usize = 4096;

/// A handshake that failed.
pub(crate) struct Failed<S> {
    pub(crate) error: io::Error,
    pub(crate) stream: Followed<S>,
    /// The alert that tells the peer. It is left to the caller, because HAProxy up to 3.0 comes back
    /// as soon as it has it.
    pub(crate) alert: Vec<u8>,
}

/// Does the handshake of a connection whose `first` bytes were read already.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    first: [u8; ForeignProtocol::FIRST],
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<Secured<S>, Failed<S>> {
    let mut stream = Followed::new(stream);
    // The bytes that told TLS from other protocols are the beginning of its first record.
    stream.follow(&first);
    let acceptor = TlsAcceptor::from(Arc::clone(&config));
    let session = ServerConnection::new(config).map_err(io::Error::other);
    let mut session = match session {
        Ok(session) => session,
        Err(error) => return Err(Failed { error, stream, alert: Vec::new() }),
    };
    if let Err(error) = shake_hands(&first, &mut stream, &mut session).await {
        return Err(Failed { error, stream, alert: outgoing(&mut session) });
    }
    // Nothing is left to do but to put the two together.
    let accept = acceptor.accept_with(stream, |fresh| *fresh = session);
    let accepted = accept.into_fallible().await;
    match accepted {
        Ok(stream) => Ok(Secured(stream)),
        Err((error, stream)) => Err(Failed { error, stream, alert: Vec::new() }),
    }
}

async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    first: &[u8],
    stream: &mut S,
    session: &mut ServerConnection,
) -> io::Result<()> {
    take(first, session)?;
    let mut received = first.len();
    // Done by hand, and not by the acceptor: only so is there a bound on what a client sends before it is
    // known, and an alert that can be sent later.
    while session.is_handshaking() {
        // Before the next read, as the client waits for it.
        stream.write_all(&outgoing(session)).await?;
        stream.flush().await?;
        received += receive(stream, session).await?;
        if received > MOST && session.is_handshaking() {
            let error = Error::General(format!("the client has sent more than {MOST} bytes"));
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
    Ok(())
}

/// Reads once. The buffer lasts no longer than the look at what has come: a client that waits has none.
async fn receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    session: &mut ServerConnection,
) -> io::Result<usize> {
    poll_fn(|task| {
        // On the stack of the poll: while the future waits, it holds no buffer.
        let mut buffer = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut *stream).poll_read(task, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(take(bytes, session).map(|()| bytes.len()))
    })
    .await
}

/// What the session wants to send.
fn outgoing(session: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while session.wants_write() && session.write_tls(&mut bytes).is_ok() {}
    bytes
}

/// Hands bytes to the session; what comes behind the handshake is kept there.
fn take(mut bytes: &[u8], session: &mut ServerConnection) -> io::Result<()> {
    while !bytes.is_empty() {
        if session.read_tls(&mut bytes)? == 0 {
            // It has said that nothing follows.
            break;
        }
        session
            // After each read: rustls buffers what is not processed, and refuses more at a bound of its
            // own.
            .process_new_packets()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(())
}

/// Why a handshake failed, in words.
pub(super) fn cause(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(refused)) => CertificateFault(refused).to_string(),
        _ => error.to_string(),
    }
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
