//! The codec: cuts a byte stream into frames, for tokio-util and for our own read loop.

use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use super::{
    foreign_protocol::ForeignProtocol, frame::Frame, head::MIN_FRAME_LENGTH, violation::Violation,
    wire::WireError,
};

/// How many bytes the length before a frame has.
pub(crate) const LENGTH_SIZE: usize = 4;

/// Cuts and joins frames of both sides.
///
/// The length of a frame is judged before anything is allocated for it. The limit is small until
/// the HELLO is agreed and the negotiated max-frame-size from then on. Until then it is also asked
/// whether this is SPOP at all.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    max_frame_size: u32,
    is_greeted: bool,
}

impl FrameCodec {
    /// The limit before max-frame-size is agreed: a HELLO has some 130 bytes.
    pub const HELLO_LIMIT: u32 = 64 * 1024;

    /// A codec that takes frames of up to `max_frame_size` bytes, the 4 of the length not counted.
    #[must_use]
    pub fn new(max_frame_size: u32) -> Self {
        Self { max_frame_size, is_greeted: true }
    }

    /// Changes the limit; it is called once, when the HELLO is agreed.
    pub fn set_max_frame_size(&mut self, max_frame_size: u32) {
        *self = Self::new(max_frame_size);
    }

    /// Cuts the next frame off the front of `src`, if it is there as a whole.
    ///
    /// # Errors
    ///
    /// If the bytes are not a frame of the grammar, or one that is too large.
    #[inline]
    pub fn cut(&self, src: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        let Some(length) = self.whole_frame(src)? else {
            return Ok(None);
        };
        src.advance(LENGTH_SIZE);
        Frame::decode(src.split_to(length).freeze()).map(Some)
    }

    /// How many bytes the first frame has behind its length, if it is there as a whole.
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
            // Judged from its four bytes: a peer that announces four gigabytes is refused before it has
            // sent them.
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
            // Later the same four bytes are a broken frame: a peer that has said HELLO does speak SPOP.
            Some(protocol) if !self.is_greeted => Violation::ForeignProtocol(protocol),
            _ => WireError::FrameTooLarge { length, limit: self.max_frame_size }.into(),
        }
    }
}

impl Default for FrameCodec {
    /// A codec for a connection that has not said HELLO yet.
    fn default() -> Self {
        Self { max_frame_size: Self::HELLO_LIMIT, is_greeted: false }
    }
}

/// What ends a stream of frames that is read through [`tokio_util::codec::Framed`].
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
