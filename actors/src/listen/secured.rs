//! Secured: TLS on a stream, with rustls's buffers counted as memory.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{
    rustls::{self, ServerConnection},
    server::TlsStream,
};

use super::tls_records::TlsRecords;
use crate::{arbiter::AgentContext, connection::Transport, limit::Limit, log};

/// How much more memory an idle TLS connection takes than a plain one, in bytes: the session and
/// its keys, the client's certificates, and 4 KiB into which rustls reads.
const COST: usize = 10 * 1024;
/// The part of [`COST`] into which rustls reads. After this many bytes without SPOP, rustls buffers
/// something incomplete: a TLS message over many records.
const READ_SIZE: usize = 4096;
/// How many bytes rustls buffers for a peer that does not read: its default limit.
const WRITE_BUFFER: usize = 64 * 1024;

/// Warns if the TLS sessions of all connections could take more than half of the memory limit.
pub(crate) fn check_memory(common: &AgentContext) {
    let limits = &common.start_limits;
    let sessions = limits.connections.saturating_mul(COST);
    if sessions > limits.memory / 2 {
        let [memory, connections] =
            [Limit::Memory, Limit::Connections].map(|limit| common.name(limit));
        log::warn!(
            sessions,
            limit = limits.memory,
            connections = limits.connections,
            "memory limit low for TLS: the sessions of all connections take more than half of it; \
             raise {memory} or lower {connections}"
        );
    }
}

/// A stream that speaks TLS.
pub(crate) struct Secured<S>(pub(crate) TlsStream<Followed<S>>);

/// A stream of TLS records, followed as rustls reads them.
pub(crate) struct Followed<S> {
    stream: S,
    records: TlsRecords,
    /// How many bytes rustls has read without a result, at most.
    unread: usize,
}

impl<S> Followed<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, records: TlsRecords::default(), unread: 0 }
    }

    /// Counts bytes that rustls gets.
    pub(crate) fn follow(&mut self, bytes: &[u8]) {
        self.records.follow(bytes);
        self.unread += bytes.len();
    }
}

impl<S: Transport> Transport for Secured<S> {
    const COST: usize = COST;
    const HOLDS_BACK: bool = true;

    fn kept(&self) -> usize {
        let (followed, session) = self.0.get_ref();
        let unsent = if session.wants_write() { WRITE_BUFFER } else { 0 };
        followed.unread.saturating_sub(READ_SIZE) + unsent
    }

    fn has_begun(&self) -> bool {
        let (followed, _) = self.0.get_ref();
        followed.records.begun() > 0 || followed.unread > READ_SIZE
    }
}

/// How many decrypted bytes are unread.
fn readable(session: &mut ServerConnection) -> Result<usize, rustls::Error> {
    session.process_new_packets().map(|state| state.plaintext_bytes_to_read())
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_read(task, buffer))?;
        let (followed, session) = self.0.get_mut();
        // If the buffer is full, rustls can have more bytes to read.
        let left = if buffer.remaining() > 0 { Ok(0) } else { readable(session) };
        followed.unread = left.unwrap_or_default().max(followed.records.begun());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(task)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Followed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(task, buffer))?;
        self.follow(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Followed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(task, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}
