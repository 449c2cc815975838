//! HAPROXY-DISCONNECT and AGENT-DISCONNECT: the last frame of a side.
//!
//! ```text
//! DISCONNECT : KV-LIST of "status-code" (UINT32) and "message" (STRING, 255 bytes at most)
//! ```

use std::borrow::Cow;

use bytes::BytesMut;

use super::{
    kv_list,
    status_code::StatusCode,
    typed_data::TypedData,
    wire::{Reader, WireError},
};

const STATUS_CODE: &str = "status-code";
const MESSAGE: &str = "message";
/// HAProxy up to 3.0 ignores the whole frame if its message is longer.
const MAX_MESSAGE: usize = 255;

/// Why a side ends the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disconnect {
    /// The status-code.
    pub status_code: StatusCode,
    /// The message for people. Only its first 255 bytes are sent.
    pub message: Cow<'static, str>,
}

impl Disconnect {
    /// A DISCONNECT with the specification's text for `status_code`.
    #[must_use]
    pub fn new(status_code: StatusCode) -> Self {
        Self { status_code, message: Cow::Borrowed(status_code.text()) }
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let mut status_code = None;
        let mut message = Cow::Borrowed("");
        kv_list::read(payload, |name, value| {
            if name == STATUS_CODE.as_bytes() {
                status_code = Some(kv_list::number(STATUS_CODE, value)?);
            } else if name == MESSAGE.as_bytes() {
                let text = kv_list::text(MESSAGE, value)?;
                message = Cow::Owned(String::from_utf8_lossy(text).into_owned());
            }
            Ok(())
        })?;
        // A DISCONNECT without a status-code is valid.
        let status_code = status_code.map_or(StatusCode::UNKNOWN, StatusCode);
        Ok(Self { status_code, message })
    }

    pub(super) fn encode(&self, dst: &mut BytesMut) {
        let end = self.message.floor_char_boundary(MAX_MESSAGE);
        let mut message = Reader::new(self.message.as_bytes());
        let message = message.take(end, MESSAGE).unwrap_or_default();
        kv_list::write(STATUS_CODE, TypedData::Uint32(self.status_code.0), dst);
        kv_list::write(MESSAGE, TypedData::String(message), dst);
    }
}
