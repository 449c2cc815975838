//! Handshake: TLS on an accepted connection, and how a failed one ends.

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

/// How many bytes of memory a handshake takes at most: the session, rustls's buffer of [`MOST`]
/// bytes, and the tasks around them.
pub(crate) const COST: usize = 64 * 1024;
/// How many bytes a client can send before its handshake is complete. Usually it sends 3 KiB, and 2
/// KiB more per certificate.
const MOST: usize = 32 * 1024;
/// The largest read in bytes.
const READ_SIZE: usize = 4096;

/// A handshake that failed.
pub(crate) struct Failed<S> {
    pub(crate) error: io::Error,
    pub(crate) stream: Followed<S>,
    /// The alert for the peer. The caller sends it, because HAProxy up to 3.0 reconnects as soon as
    /// it has received it.
    pub(crate) alert: Vec<u8>,
}

/// Does the handshake of a connection whose `first` bytes are read already.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    first: [u8; ForeignProtocol::FIRST],
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<Secured<S>, Failed<S>> {
    let mut stream = Followed::new(stream);
    // The bytes that identified TLS are the beginning of its first record.
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
    // Only joins the stream and the finished session.
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
    // Done here, and not by the acceptor, to limit what an unknown client can send, and to send the
    // alert later.
    while session.is_handshaking() {
        // Before the next read, because the client waits for it.
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

/// Reads once. The buffer exists during the poll only: a client that waits has none.
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

/// The bytes that the session wants to send.
fn outgoing(session: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while session.wants_write() && session.write_tls(&mut bytes).is_ok() {}
    bytes
}

/// Gives bytes to the session, which stores those after the handshake.
fn take(mut bytes: &[u8], session: &mut ServerConnection) -> io::Result<()> {
    while !bytes.is_empty() {
        if session.read_tls(&mut bytes)? == 0 {
            // It has announced the end.
            break;
        }
        session
            // After each read: rustls buffers unprocessed bytes, and refuses more at its own limit.
            .process_new_packets()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(())
}

/// Why a handshake failed.
pub(super) fn cause(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(refused)) => CertificateFault(refused).to_string(),
        _ => error.to_string(),
    }
}

/// How an operator fixes a failed handshake.
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
            // Its CA has the same name as ours and another key.
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
