//! Response: what a client of the admin endpoint gets.

use std::{fmt::Write, io};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

const TEXT: &str = "text/plain; charset=utf-8";

/// Nothing from elsewhere, no script or style in the page itself, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every response, without Date: clients have clocks.
const ALWAYS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("connection", "close"),
    ("content-security-policy", POLICY),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// A status and its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Status(pub(super) u16, &'static str);

/// A response, whose body may be shared by many.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: Status,
    content_type: &'static str,
    /// A header that only some have.
    header: Option<(&'static str, &'static str)>,
    body: Bytes,
}

impl Status {
    pub(super) const OK: Self = Self(200, "OK");
    pub(super) const BAD_REQUEST: Self = Self(400, "Bad Request");
    pub(super) const UNAUTHORIZED: Self = Self(401, "Unauthorized");
    pub(super) const FORBIDDEN: Self = Self(403, "Forbidden");
    pub(super) const NOT_FOUND: Self = Self(404, "Not Found");
    pub(super) const METHOD_NOT_ALLOWED: Self = Self(405, "Method Not Allowed");
    pub(super) const TIMEOUT: Self = Self(408, "Request Timeout");
    pub(super) const LENGTH_REQUIRED: Self = Self(411, "Length Required");
    pub(super) const TOO_LARGE: Self = Self(413, "Content Too Large");
    pub(super) const MISDIRECTED: Self = Self(421, "Misdirected Request");
    pub(super) const HEAD_TOO_LONG: Self = Self(431, "Request Header Fields Too Large");
    pub(super) const INTERNAL_SERVER_ERROR: Self = Self(500, "Internal Server Error");
    pub(super) const UNAVAILABLE: Self = Self(503, "Service Unavailable");
}

impl Response {
    pub(super) fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: Status::OK, content_type, header: None, body: body.into() }
    }

    /// A line of text.
    pub(super) fn line(status: Status, text: &str) -> Self {
        Self { status, ..Self::new(TEXT, format!("{text}\n")) }
    }

    pub(super) fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// Writes it, without its body if only the head was asked for.
    pub(super) async fn write(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        is_head: bool,
    ) -> io::Result<()> {
        stream.write_all(self.head().as_bytes()).await?;
        if !is_head {
            stream.write_all(&self.body).await?;
        }
        stream.flush().await
    }

    fn head(&self) -> String {
        let Status(code, name) = self.status;
        let length = self.body.len();
        let mut head = format!(
            "HTTP/1.1 {code} {name}\r\ncontent-type: {}\r\ncontent-length: {length}\r\n",
            self.content_type
        );
        for (name, value) in ALWAYS.into_iter().chain(self.header) {
            // Writing to memory does not fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "\r\n"
    }
}
