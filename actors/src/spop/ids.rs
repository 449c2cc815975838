//! STREAM-ID, FRAME-ID and engine-id: identify a NOTIFY and its sender.

use std::fmt;

use bytes::Bytes;

use super::foreign_text::ForeignText;

/// The STREAM-ID of a frame: the HAProxy stream that it belongs to.
///
/// Up to HAProxy 3.0, it is a counter of the whole process, which can be 0. From 3.1 on, each
/// connection has its own counter, so the id is unique within its connection only.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub u64);

/// The FRAME-ID of a frame: which NOTIFY of its stream it is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameId(pub u64);

/// The engine-id of a HAPROXY-HELLO: a UUID per filter, and per thread up to HAProxy 3.0.
///
/// It has the bytes as they arrived. [`Display`](fmt::Display) shows them as [`ForeignText`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EngineId(Bytes);

impl EngineId {
    /// How many bytes are stored, because each connection holds its id. HAProxy's ids have 36
    /// bytes.
    pub const MAX_LENGTH: usize = 255;

    /// Copies the first [`MAX_LENGTH`](Self::MAX_LENGTH) bytes of `id`.
    #[must_use]
    pub fn new(id: impl AsRef<[u8]>) -> Self {
        let id = id.as_ref();
        Self(Bytes::copy_from_slice(id.get(..Self::MAX_LENGTH).unwrap_or(id)))
    }

    /// The bytes as they arrived.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ForeignText::new(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_id_of_any_length_and_bytes_is_one_short_line() {
        assert_eq!(EngineId::new(b"a\nforged \"line\"\xff").to_string(), r#"a\nforged "line"\xff"#);
        assert_eq!(EngineId::new([b'a'; 60_000]), EngineId::new([b'a'; EngineId::MAX_LENGTH]));
    }
}
