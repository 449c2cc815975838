//! Header block: the headers of a request or response, which HAProxy passes in one argument.
//!
//! ```text
//! req.hdrs_bin : [ <NAME:string><VALUE:string> … ] <empty string><empty string>
//! req.hdrs     : [ NAME ": " VALUE CRLF … ] CRLF
//! ```

use std::{fmt, str};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::{foreign_text::ForeignText, put::Put, varint, wire::Reader};

/// Reads all headers of a request or response from one argument, without a copy.
///
/// HAProxy's samples `req.hdrs_bin` and `res.hdrs_bin` have the binary form, `req.hdrs` and
/// `res.hdrs` the text form. A field of this type in a handler's arguments takes either form:
///
/// ```
/// use serde::Deserialize;
/// use spoa_actors::{FromMessage, HeaderBlock, Message, TypedData};
///
/// #[derive(Deserialize)]
/// struct Request<'a> {
///     #[serde(borrow)]
///     headers: HeaderBlock<'a>,
/// }
///
/// let block = HeaderBlock::encode([("host", "example.com"), ("accept", "*/*")]);
/// let message = Message::new("check").arg("headers", TypedData::Binary(&block));
/// let request = Request::from_message(message.as_ref())?;
/// assert_eq!(request.headers.get("Host"), Some(&b"example.com"[..]));
/// assert_eq!(request.headers.iter().count(), 2);
/// # Ok::<(), spoa_actors::ArgsError>(())
/// ```
///
/// If your handler can answer later, use [`HeaderBlockBuf`]. HAProxy writes names in lower case. A
/// value has any bytes except CR, LF and NUL. If the headers do not fit into `tune.bufsize`, the
/// argument is null, so make the field an `Option`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct HeaderBlock<'a> {
    form: Form,
    /// Without the end marker.
    headers: &'a [u8],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Binary,
    Text,
}

/// A [`HeaderBlock`] that owns a copy of its bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct HeaderBlockBuf {
    form: Form,
    headers: Bytes,
}

/// Why bytes are not a header block.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum HeaderBlockError {
    /// A string is longer than the remaining bytes.
    #[error("the header block is truncated")]
    Truncated,
    /// Bytes follow the end marker.
    #[error("the header block has bytes after its end")]
    Trailing,
    /// A header without a name.
    #[error("the header block has a header without a name")]
    NoName,
    /// A line without a colon.
    #[error("the header block has a line without a colon")]
    NoColon,
}

const HEADER_NAME: &str = "HEADER-NAME";
const HEADER_VALUE: &str = "HEADER-VALUE";

/// The end of a line, and of the text form.
const CRLF: &[u8] = b"\r\n";

impl<'a> HeaderBlock<'a> {
    /// Reads either form. The text form has no NUL, and the binary form ends with two.
    ///
    /// # Errors
    ///
    /// If the bytes have neither form.
    pub fn read(bytes: &'a [u8]) -> Result<Self, HeaderBlockError> {
        if bytes.ends_with(b"\0\0") { Self::read_binary(bytes) } else { Self::read_text(bytes) }
    }

    /// Reads the binary form of `req.hdrs_bin` and `res.hdrs_bin`.
    ///
    /// # Errors
    ///
    /// If the bytes do not have this form, up to their end.
    pub fn read_binary(bytes: &'a [u8]) -> Result<Self, HeaderBlockError> {
        let begin = Reader::new(bytes);
        let mut reader = begin;
        loop {
            let header = reader;
            match next_binary(&mut reader).ok_or(HeaderBlockError::Truncated)? {
                // HAProxy ends the block with an empty name and an empty value. An empty value
                // alone is a header.
                (b"", b"") if reader.is_empty() => {
                    return Ok(Self { form: Form::Binary, headers: begin.up_to(&header) });
                }
                (b"", b"") => return Err(HeaderBlockError::Trailing),
                (b"", _) => return Err(HeaderBlockError::NoName),
                _ => {}
            }
        }
    }

    /// Reads the text form of `req.hdrs` and `res.hdrs`. The empty line at the end is optional.
    ///
    /// # Errors
    ///
    /// If the bytes do not have this form, up to their end.
    pub fn read_text(bytes: &'a [u8]) -> Result<Self, HeaderBlockError> {
        let headers = match bytes.strip_suffix(CRLF) {
            Some(b"") => b"",
            // `req.hdrs` ends with an empty line. Text without one is accepted as well.
            Some(lines) if lines.ends_with(CRLF) => lines,
            _ => bytes,
        };
        let mut rest = headers;
        while !rest.is_empty() {
            next_text(&mut rest)?;
        }
        Ok(Self { form: Form::Text, headers })
    }

    /// The headers in order: names as HAProxy writes them, and values.
    #[must_use]
    pub fn iter(&self) -> Headers<'a> {
        Headers(*self)
    }

    /// The value of the first header with this name. Case is ignored.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        let name = name.as_ref();
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The values of all headers with this name, in order. Case is ignored.
    pub fn get_all(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name.as_ref()));
        headers.map(|(_, value)| value)
    }

    /// Whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Copies the headers, so that they outlive the message.
    #[must_use]
    pub fn to_buf(&self) -> HeaderBlockBuf {
        HeaderBlockBuf { form: self.form, headers: Bytes::copy_from_slice(self.headers) }
    }

    /// Writes the binary form for `set-headers-bin` and `add-headers-bin` of HAProxy 3.4. Set a
    /// variable to the result.
    ///
    /// HAProxy does not check these headers. So a header without a name, with a name that is not a
    /// token, or with a line break or NUL in its value is dropped.
    #[must_use]
    pub fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Bytes {
        let mut bytes = BytesMut::new();
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            // HAProxy sets what it gets. A value with a line break would add a second header, or
            // end the block.
            if !name.is_empty() && name.iter().all(is_of_a_token) && !value.iter().any(ends_a_line)
            {
                varint::write_string(name, &mut bytes);
                varint::write_string(value, &mut bytes);
            }
        }
        bytes.put(b"\0\0");
        bytes.freeze()
    }
}

impl HeaderBlockBuf {
    /// Borrows the headers.
    #[must_use]
    pub fn as_block(&self) -> HeaderBlock<'_> {
        HeaderBlock { form: self.form, headers: &self.headers }
    }
}

/// Iterates over the headers of a [`HeaderBlock`], in order.
#[derive(Clone, Debug)]
pub struct Headers<'a>(HeaderBlock<'a>);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let HeaderBlock { form, headers } = &mut self.0;
        if headers.is_empty() {
            return None;
        }
        match form {
            // Checked when the block was read.
            Form::Text => next_text(headers).ok(),
            Form::Binary => {
                let mut reader = Reader::new(headers);
                let header = next_binary(&mut reader)?;
                *headers = headers.get(headers.len() - reader.left()..)?;
                Some(header)
            }
        }
    }
}

fn next_binary<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    Some((reader.string(HEADER_NAME).ok()?, reader.string(HEADER_VALUE).ok()?))
}

/// Takes one line from the front.
fn next_text<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), HeaderBlockError> {
    let end = rest.windows(CRLF.len()).position(|two| two == CRLF);
    let end = end.ok_or(HeaderBlockError::Truncated)?;
    let line = rest.get(..end).unwrap_or_default();
    *rest = rest.get(end + CRLF.len()..).unwrap_or_default();
    let colon = line.iter().position(|&byte| byte == b':').ok_or(HeaderBlockError::NoColon)?;
    let (name, value) = line.split_at_checked(colon).ok_or(HeaderBlockError::NoColon)?;
    if name.is_empty() {
        return Err(HeaderBlockError::NoName);
    }
    Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

/// Whether a header name can have this byte: a token of RFC 9110.
fn is_of_a_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

fn ends_a_line(byte: &u8) -> bool {
    b"\r\n\0".contains(byte)
}

impl fmt::Debug for HeaderBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.iter().map(|(name, value)| (ForeignText::new(name), ForeignText::new(value)));
        f.debug_map()
            .entries(shown.map(|(name, value)| (name.to_string(), value.to_string())))
            .finish()
    }
}

impl fmt::Debug for HeaderBlockBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_block().fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;

    const BINARY: &[u8] = b"\x04host\x0bexample.com\x06cookie\x00\x06cookie\x03b\xe9=\0\0";
    const TEXT: &[u8] = b"host: example.com\r\ncookie:\r\ncookie: b\xe9=\r\n\r\n";
    const HEADERS: [(&[u8], &[u8]); 3] =
        [(b"host", b"example.com"), (b"cookie", b""), (b"cookie", b"b\xe9=")];

    #[test]
    fn both_forms_hold_the_same_headers() {
        for bytes in [BINARY, TEXT, &TEXT[..TEXT.len() - 2]] {
            let block = HeaderBlock::read(bytes).unwrap();
            assert_eq!(block.iter().collect::<Vec<_>>(), HEADERS);
            assert_eq!(block.get("HOST"), Some(&b"example.com"[..]));
            assert_eq!(block.get_all("Cookie").collect::<Vec<_>>(), [&b""[..], b"b\xe9="]);
            assert_eq!((block.get("hos"), block.is_empty()), (None, false));
            assert_eq!(block.to_buf().as_block(), block);
        }
        for none in [&b"\0\0"[..], b"\r\n", b""] {
            let block = HeaderBlock::read(none).unwrap();
            assert_eq!((block.is_empty(), block.iter().count()), (true, 0));
        }
    }

    #[test]
    fn what_is_of_neither_form_is_refused() {
        use HeaderBlockError::{NoColon, NoName, Trailing, Truncated};
        for (bytes, error) in [
            (&b"\0"[..], Truncated),
            (b"\x04hos\0\0", Truncated),
            (b"\x01a\x01b\0", Truncated),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f\0\0", Truncated),
            (b"\0\x01a\0\0", NoName),
            (b"\0\0\0\0", Trailing),
        ] {
            assert_eq!(HeaderBlock::read_binary(bytes), Err(error), "{bytes:?}");
        }
        for (bytes, error) in [
            (&b"host: a"[..], Truncated),
            (b"host\r\n\r\n", NoColon),
            (b": a\r\n\r\n", NoName),
            (b"a: b\r\n\r\nc: d\r\n", NoColon),
        ] {
            assert_eq!(HeaderBlock::read_text(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_no_line_is_forged() {
        let long = "x".repeat(300);
        let headers = [("x-user", "joe"), ("x-long", long.as_str()), ("x-empty", "")];
        let bytes = HeaderBlock::encode(headers);
        let read: Vec<_> = HeaderBlock::read(&bytes).unwrap().iter().collect();
        assert_eq!(read, headers.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let forged = [("", "a"), ("a b", "c"), ("a\r\nb", "c"), ("a", "b\r\nc: d"), ("a", "b\0")];
        assert_eq!(HeaderBlock::encode(forged), &b"\0\0"[..]);
    }
}
