//! Transport: what carries the bytes of a connection: a socket, or TLS on a socket.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// A byte stream that a connection can own, and what it buffers itself.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// How many bytes of memory it takes while nothing is sent.
    const COST: usize = 0;
    /// Whether it may hold back bytes that have come until others follow.
    const HOLDS_BACK: bool = false;

    /// How many bytes it buffers beyond [`COST`](Self::COST) now.
    fn kept(&self) -> usize {
        0
    }

    /// Whether it holds back bytes now: they are part of something that is not complete.
    fn has_begun(&self) -> bool {
        false
    }
}

impl Transport for TcpStream {}

impl Transport for UnixStream {}
