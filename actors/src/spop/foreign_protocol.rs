//! Foreign protocols: recognised by the first four bytes of a connection.

use std::fmt;

/// A protocol other than SPOP that a client speaks to a SPOP port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ForeignProtocol {
    /// HTTP of any version, requests and responses.
    Http,
    /// TLS or SSL 3.
    Tls,
    /// The PROXY protocol, version 1 or 2.
    ProxyHeader,
}

impl ForeignProtocol {
    /// How many bytes identify the protocol.
    ///
    /// In SPOP, they are the length of the first frame. As a length, the bytes of every protocol
    /// here exceed 200 MB, and a HELLO has about 130 bytes, so the two cannot be confused.
    pub const FIRST: usize = 4;

    /// The protocol of a connection that begins with these bytes; `None` if it can be SPOP.
    #[must_use]
    pub fn of(first: [u8; Self::FIRST]) -> Option<Self> {
        match &first {
            b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"CONN" | b"OPTI" | b"TRAC"
            | b"PATC" | b"PRI " | b"HTTP" => Some(Self::Http),
            // A record's type, and the major version: change-cipher-spec, alert, handshake, data.
            [0x14..=0x17, 0x03, ..] => Some(Self::Tls),
            // Version 1 in text; version 2 has a signature that is no text.
            b"PROX" | b"\r\n\r\n" => Some(Self::ProxyHeader),
            _ => None,
        }
    }
}

impl fmt::Display for ForeignProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::ProxyHeader => "a PROXY header",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<ForeignProtocol> {
        ForeignProtocol::of(*bytes.first_chunk().unwrap())
    }

    #[test]
    fn four_bytes_tell_a_protocol() {
        for method in
            ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
        {
            assert_eq!(of(format!("{method} / HTTP/1.1").as_bytes()), Some(ForeignProtocol::Http));
        }
        assert_eq!(of(b"PRI * HTTP/2.0"), Some(ForeignProtocol::Http));
        assert_eq!(of(b"HTTP/1.1 400 Bad Request"), Some(ForeignProtocol::Http));
        assert_eq!(of(b"\x16\x03\x01\x02\x00"), Some(ForeignProtocol::Tls));
        assert_eq!(of(b"\x15\x03\x03\x00\x02"), Some(ForeignProtocol::Tls));
        assert_eq!(of(b"PROXY TCP4 "), Some(ForeignProtocol::ProxyHeader));
        assert_eq!(of(b"\r\n\r\n\0\r\nQUIT\n"), Some(ForeignProtocol::ProxyHeader));
        for other in [b"SSH-", b"\x16\x02\0\0", b"EHLO", b"\r\n\r\r", b"PROP", b"\xff\xff\xff\xff"]
        {
            assert_eq!(of(other), None);
        }
    }
}
