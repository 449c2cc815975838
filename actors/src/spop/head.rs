//! The head of a frame: everything before its payload.
//!
//! ```text
//! HEAD     : <FRAME-LENGTH:4 bytes, big-endian><FRAME-TYPE:1 byte><METADATA>
//! METADATA : <FLAGS:4 bytes, big-endian><STREAM-ID:varint><FRAME-ID:varint>
//! FLAGS    : FIN 0x01 | ABORT 0x02
//! ```

use bytes::BytesMut;

use super::{
    flags::Flags,
    frame_type::FrameType,
    ids::{FrameId, StreamId},
    put::Put,
    varint,
    wire::{Reader, WireError},
};

/// The smallest frame: type, flags and two ids of one byte each.
pub const MIN_FRAME_LENGTH: u32 = 7;

/// The smallest max-frame-size that the specification allows.
pub const MAX_FRAME_SIZE_FLOOR: u32 = 256;

/// The longest head in bytes: length, type, flags and two ids.
pub(super) const MAX_HEAD: usize = 32;

/// The head of a frame without its length: type, flags and ids.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHead {
    /// What kind of frame it is.
    pub frame_type: FrameType,
    /// Whether the frame is complete, and whether it is aborted.
    pub flags: Flags,
    /// The stream; 0 if the frame belongs to no stream.
    pub stream_id: StreamId,
    /// The frame within its stream; 0 if the frame belongs to no stream.
    pub frame_id: FrameId,
}

impl FrameHead {
    /// Reads the head of a frame, without its length, and returns it with the payload.
    ///
    /// # Errors
    ///
    /// If the frame ends within its head, or an id exceeds 64 bits.
    pub fn read(frame: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let mut reader = Reader::new(frame);
        let head = Self::read_from(&mut reader)?;
        Ok((head, frame.get(frame.len() - reader.left()..).unwrap_or_default()))
    }

    #[inline]
    pub(super) fn read_from(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            frame_type: FrameType(reader.byte("FRAME-TYPE")?),
            flags: Flags::from_bits(u32::from_be_bytes(reader.array("FLAGS")?)),
            stream_id: StreamId(reader.varint("STREAM-ID")?),
            frame_id: FrameId(reader.varint("FRAME-ID")?),
        })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.flags == Flags::FIN
    }

    /// HELLO and DISCONNECT belong to no stream and are never fragmented.
    pub(super) fn connection_wide(&self) -> Result<(), WireError> {
        let term = self.frame_type.name();
        if !self.flags.fin {
            Err(WireError::NotFinal { term })
        } else if (self.stream_id, self.frame_id) != (StreamId(0), FrameId(0)) {
            Err(WireError::NonZeroIds { term })
        } else {
            Ok(())
        }
    }
}

/// Appends a frame around `payload`; the length is written once it is known.
#[inline]
pub(super) fn encode_with(
    frame_type: FrameType,
    flags: Flags,
    stream_id: StreamId,
    frame_id: FrameId,
    dst: &mut BytesMut,
    payload: impl FnOnce(&mut BytesMut),
) {
    let start = dst.len();
    encode_around(frame_type, flags, stream_id, frame_id, &[], dst);
    payload(dst);
    let length = u32::try_from(dst.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(head) = dst.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *head = length.to_be_bytes();
    }
}

/// Appends a frame around a payload that exists already.
#[inline]
pub(super) fn encode_around(
    frame_type: FrameType,
    flags: Flags,
    stream_id: StreamId,
    frame_id: FrameId,
    payload: &[u8],
    dst: &mut BytesMut,
) {
    let mut head = HeadBytes::new(frame_type, flags);
    varint::write(stream_id.0, &mut head);
    varint::write(frame_id.0, &mut head);
    head.put_into(dst, payload.len());
    dst.put(payload);
}

/// Everything before the payload, as it is written.
struct HeadBytes {
    bytes: [u8; MAX_HEAD],
    used: usize,
}

impl HeadBytes {
    /// Length, type and flags; the ids are put behind them.
    #[inline]
    fn new(frame_type: FrameType, flags: Flags) -> Self {
        let mut bytes = [0; MAX_HEAD];
        let [_, _, _, _, type_byte, first, second, third, fourth, ..] = &mut bytes;
        *type_byte = frame_type.0;
        [*first, *second, *third, *fourth] = flags.bits().to_be_bytes();
        Self { bytes, used: 9 }
    }

    /// Appends it, with the length of the frame.
    #[inline]
    fn put_into(mut self, dst: &mut BytesMut, payload: usize) {
        let length = u32::try_from(self.used - 4 + payload).unwrap_or(u32::MAX);
        if let Some(first) = self.bytes.first_chunk_mut() {
            *first = length.to_be_bytes();
        }
        let end = dst.len() + self.used;
        // A copy of a known size compiles to a few moves without a call.
        dst.put(&self.bytes);
        dst.truncate(end);
    }
}

impl Put for HeadBytes {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.put_byte(byte);
        }
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        // Nine bytes and two ids of ten bytes fit.
        if let Some(place) = self.bytes.get_mut(self.used % MAX_HEAD) {
            *place = byte;
        }
        self.used += 1;
    }
}

/// The size of a frame with these ids without its payload and its length.
pub(super) fn overhead(stream_id: StreamId, frame_id: FrameId) -> usize {
    5 + varint::length(stream_id.0) + varint::length(frame_id.0)
}
