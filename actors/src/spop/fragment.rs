//! Fragment: one part of a NOTIFY or an ACK.

use bytes::{Bytes, BytesMut};

use super::{
    flags::Flags,
    frame_type::FrameType,
    head,
    ids::{FrameId, StreamId},
};

/// One part of a frame that is sent in fragments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fragment {
    /// NOTIFY or ACK on the first fragment, UNSET on the next ones.
    pub frame_type: FrameType,
    /// FIN on the last fragment.
    pub flags: Flags,
    /// The stream, the same in all fragments of a frame.
    pub stream_id: StreamId,
    /// The frame of that stream, the same in all its fragments.
    pub frame_id: FrameId,
    /// This part of the payload.
    pub payload: Bytes,
}

impl Fragment {
    pub(super) fn encode(&self, dst: &mut BytesMut) {
        let Self { frame_type, flags, stream_id, frame_id, payload } = self;
        head::encode_around(*frame_type, *flags, *stream_id, *frame_id, payload, dst);
    }
}
