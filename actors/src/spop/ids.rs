//! STREAM-ID, FRAME-ID and engine-id: the names of one NOTIFY and of the one who sent it.

use std::fmt;

use bytes::Bytes;

use super::foreign_text::ForeignText;

/// The STREAM-ID of a frame: which HAProxy stream it belongs to.
///
/// Up to HAProxy 3.0 it is the process-wide stream counter (0 is legal); from 3.1 on it counts on
/// each connection anew, so it tells nothing beyond its own connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub u64);

/// The FRAME-ID of a frame: which NOTIFY of its stream it is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameId(pub u64);

/// The engine-id of a HAPROXY-HELLO: a UUID per filter (and per thread up to HAProxy 3.0).
///
/// It is kept as the bytes that arrived; [`Display`](fmt::Display) shows them as [`ForeignText`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EngineId(Bytes);

impl EngineId {
    /// How many bytes are kept: a connection holds them as long as it lives. HAProxy's have 36.
    pub const MAX_LENGTH: usize = 255;

    /// Keeps a copy of `id`, up to [`MAX_LENGTH`](Self::MAX_LENGTH).
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
