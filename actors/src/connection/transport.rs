//! Transport: the byte stream of a connection: a socket, or TLS on a socket.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// A byte stream that a connection can own, and its own buffers.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// How many bytes of memory it takes while idle.
    const COST: usize = 0;
    /// Whether it can hold back received bytes until others follow.
    const HOLDS_BACK: bool = false;

    /// How many bytes it buffers beyond [`COST`](Self::COST) now.
    fn kept(&self) -> usize {
        0
    }

    /// Whether it holds back an incomplete record now.
    fn has_begun(&self) -> bool {
        false
    }
}

impl Transport for TcpStream {}

impl Transport for UnixStream {}
