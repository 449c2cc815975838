//! PROXY header: the first bytes of a connection, with the address of the proxy's client.

use std::{io, net::SocketAddr};

use ppp::{v1, v2};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{origin::PeerAddress, spop::ForeignProtocol};

/// The longest header of version 1, from the specification, in bytes.
const TEXT_LIMIT: usize = 107;
/// The shortest: `PROXY UNKNOWN\r\n`.
const TEXT_MINIMUM: usize = 15;
/// The size of a version 2 header before its addresses: signature, command, family, and their
/// length.
const BINARY_HEAD: usize = 16;
/// The longest accepted header of version 2, in bytes: addresses have up to 216, and HAProxy adds
/// some hundred.
const BINARY_LIMIT: usize = 4096;
/// The proxy connects on its own behalf; the rest of the header is ignored.
const LOCAL: u8 = 0x20;

/// Why the PROXY header is missing.
#[derive(Debug, Error)]
pub(crate) enum HeaderError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it does not end within {TEXT_LIMIT} bytes")]
    TextTooLong,
    #[error("it announces {0} bytes; the limit is {BINARY_LIMIT}")]
    BinaryTooLong(usize),
    #[error("{0}")]
    Text(#[from] v1::BinaryParseError),
    #[error("{0}")]
    Binary(#[from] v2::ParseError),
}

/// Reads the rest of a header after its `first` bytes, and no further byte. Returns the source
/// address, if the header has one.
pub(crate) async fn read<S: AsyncRead + Unpin>(
    first: [u8; ForeignProtocol::FIRST],
    stream: &mut S,
) -> Result<Option<PeerAddress>, HeaderError> {
    // Read in steps that end with the header: the next bytes belong to TLS or SPOP, and cannot be
    // put back into the socket.
    let mut header = first.to_vec();
    if first.starts_with(b"P") {
        read_text(&mut header, stream).await?;
        return Ok(source_in_text(&v1::Header::try_from(header.as_slice())?));
    }
    read_binary(&mut header, stream).await?;
    // Before the rest is parsed: the addresses of a `LOCAL` header can be anything.
    if header[v2::PROTOCOL_PREFIX.len()] == LOCAL {
        return Ok(None);
    }
    Ok(source_in_binary(&v2::Header::try_from(header.as_slice())?))
}

async fn read_text<S: AsyncRead + Unpin>(
    header: &mut Vec<u8>,
    stream: &mut S,
) -> Result<(), HeaderError> {
    read_on(header, TEXT_MINIMUM, stream).await?;
    while !header.ends_with(b"\r\n") {
        // No step is longer than the rest of the header: the bytes after it belong to TLS or SPOP.
        let step = if header.ends_with(b"\r") { 1 } else { 2 };
        if header.len() + step > TEXT_LIMIT {
            return Err(HeaderError::TextTooLong);
        }
        read_on(header, header.len() + step, stream).await?;
    }
    Ok(())
}

async fn read_binary<S: AsyncRead + Unpin>(
    header: &mut Vec<u8>,
    stream: &mut S,
) -> Result<(), HeaderError> {
    read_on(header, BINARY_HEAD, stream).await?;
    if !header.starts_with(v2::PROTOCOL_PREFIX) {
        return Err(v2::ParseError::Prefix.into());
    }
    let whole = BINARY_HEAD + usize::from(u16::from_be_bytes([header[14], header[15]]));
    // The length comes from the peer, and is checked before memory is allocated for it.
    if whole > BINARY_LIMIT {
        return Err(HeaderError::BinaryTooLong(whole));
    }
    read_on(header, whole, stream).await
}

/// Reads until the header has this many bytes.
async fn read_on<S: AsyncRead + Unpin>(
    header: &mut Vec<u8>,
    length: usize,
    stream: &mut S,
) -> Result<(), HeaderError> {
    let had = header.len();
    header.resize(length, 0);
    stream.read_exact(&mut header[had..]).await?;
    Ok(())
}

fn source_in_text(header: &v1::Header<'_>) -> Option<PeerAddress> {
    let source = match header.addresses {
        v1::Addresses::Unknown => return None,
        v1::Addresses::Tcp4(ends) => SocketAddr::from((ends.source_address, ends.source_port)),
        v1::Addresses::Tcp6(ends) => SocketAddr::from((ends.source_address, ends.source_port)),
    };
    Some(PeerAddress::Tcp(source))
}

fn source_in_binary(header: &v2::Header<'_>) -> Option<PeerAddress> {
    let source = match header.addresses {
        v2::Addresses::Unspecified => return None,
        v2::Addresses::Unix(_) => return Some(PeerAddress::Unix),
        v2::Addresses::IPv4(ends) => SocketAddr::from((ends.source_address, ends.source_port)),
        v2::Addresses::IPv6(ends) => SocketAddr::from((ends.source_address, ends.source_port)),
    };
    Some(PeerAddress::Tcp(source))
}
