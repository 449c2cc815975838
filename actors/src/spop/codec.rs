//! Codec: cuts a byte stream into frames, for tokio-util and for the agent's own read loop.

use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use super::{
    foreign_protocol::ForeignProtocol, frame::Frame, head::MIN_FRAME_LENGTH, violation::Violation,
    wire::WireError,
};

/// The size of the length before a frame, in bytes.
pub(crate) const LENGTH_SIZE: usize = 4;

/// Decodes and encodes the frames of both sides, with `tokio_util::codec::Framed`.
///
/// A frame's length is checked before memory is allocated for it. Until HELLO is agreed, the limit
/// is
/// [`HELLO_LIMIT`](Self::HELLO_LIMIT), and other protocols are recognised. After that, the limit is the
/// negotiated max-frame-size.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    max_frame_size: u32,
    is_greeted: bool,
}

impl FrameCodec {
    /// The limit before max-frame-size is agreed, in bytes. A HELLO has about 130 bytes.
    pub const HELLO_LIMIT: u32 = 64 * 1024;

    /// A codec for frames of up to `max_frame_size` bytes, without the 4 bytes of the length.
    #[must_use]
    pub fn new(max_frame_size: u32) -> Self {
        Self { max_frame_size, is_greeted: true }
    }

    /// Sets the negotiated limit. Call it once HELLO is agreed.
    pub fn set_max_frame_size(&mut self, max_frame_size: u32) {
        *self = Self::new(max_frame_size);
    }

    /// Takes the next frame from the front of `src`, if it is complete.
    ///
    /// # Errors
    ///
    /// If the bytes are not a valid frame, or the frame is too large.
    #[inline]
    pub fn cut(&self, src: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        let Some(length) = self.whole_frame(src)? else {
            return Ok(None);
        };
        src.advance(LENGTH_SIZE);
        Frame::decode(src.split_to(length).freeze()).map(Some)
    }

    /// The size of the first frame after its length, if it is complete.
    #[inline]
    pub(crate) fn whole_frame(&self, src: &[u8]) -> Result<Option<usize>, Violation> {
        let length = self.frame_length(src)?;
        Ok(length.filter(|&length| src.len() - LENGTH_SIZE >= length))
    }

    #[inline]
    fn frame_length(&self, src: &[u8]) -> Result<Option<usize>, Violation> {
        let Some(&first) = src.first_chunk::<LENGTH_SIZE>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(first);
        match usize::try_from(length) {
            // Checked from the four bytes of the length: a peer that announces 4 GiB is refused
            // before it has sent them.
            Ok(bytes) if (MIN_FRAME_LENGTH..=self.max_frame_size).contains(&length) => {
                Ok(Some(bytes))
            }
            _ => Err(self.refuse(first)),
        }
    }

    #[cold]
    fn refuse(&self, first: [u8; LENGTH_SIZE]) -> Violation {
        let length = u32::from_be_bytes(first);
        if length < MIN_FRAME_LENGTH {
            return WireError::FrameTooShort { length, minimum: MIN_FRAME_LENGTH }.into();
        }
        match ForeignProtocol::of(first) {
            // After HELLO, the same four bytes are a broken frame: the peer does speak SPOP.
            Some(protocol) if !self.is_greeted => Violation::ForeignProtocol(protocol),
            _ => WireError::FrameTooLarge { length, limit: self.max_frame_size }.into(),
        }
    }
}

impl Default for FrameCodec {
    /// A codec for a connection without HELLO yet.
    fn default() -> Self {
        Self { max_frame_size: Self::HELLO_LIMIT, is_greeted: false }
    }
}

/// Why a stream of frames that you read through [`tokio_util::codec::Framed`] ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer broke the protocol.
    #[error(transparent)]
    Violation(#[from] Violation),
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        Ok(self.cut(src)?)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        match self.cut(src)? {
            None if !src.is_empty() => {
                Err(Violation::from(WireError::Truncated { term: "FRAME" }).into())
            }
            frame => Ok(frame),
        }
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, dst: &mut BytesMut) -> Result<(), CodecError> {
        frame.encode(dst);
        Ok(())
    }
}
