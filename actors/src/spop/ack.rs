//! ACK: the answer to one NOTIFY.
//!
//! ```text
//! ACK : <STREAM-ID><FRAME-ID><LIST-OF-ACTIONS>             (the ids are those of the NOTIFY)
//! ```

use bytes::BytesMut;

use super::{
    actions::Actions,
    flags::Flags,
    frame_type::FrameType,
    head,
    ids::{FrameId, StreamId},
    notify::Notify,
    wire::WireError,
};

/// The answer to one NOTIFY.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ack {
    /// The stream of the NOTIFY.
    pub stream_id: StreamId,
    /// The frame of the NOTIFY.
    pub frame_id: FrameId,
    /// What HAProxy does with variables; can be empty.
    pub actions: Actions,
}

impl Ack {
    /// The answer to this NOTIFY, with the same ids.
    #[must_use]
    pub fn of(notify: &Notify, actions: Actions) -> Self {
        Self { stream_id: notify.stream_id, frame_id: notify.frame_id, actions }
    }

    pub(super) fn decode(
        stream_id: StreamId,
        frame_id: FrameId,
        payload: &[u8],
    ) -> Result<Self, WireError> {
        Ok(Self { stream_id, frame_id, actions: Actions::decode(payload)? })
    }

    /// Appends the ACK as one frame of up to `max_frame_size` bytes. Actions that do not fit are
    /// dropped from the end. Returns how many were dropped.
    pub fn encode_whole(&self, max_frame_size: u32, dst: &mut BytesMut) -> usize {
        let Self { stream_id, frame_id, actions } = self;
        encode((*stream_id, *frame_id), actions, max_frame_size, dst)
    }

    /// Appends the ACK in as many fragments as it needs, each of up to `max_frame_size` bytes. Use
    /// it for a peer that announced `fragmentation`.
    pub fn encode_fragmented(&self, max_frame_size: u32, dst: &mut BytesMut) {
        let Self { stream_id, frame_id, actions } = self;
        // At least one byte per fragment, or the loop would not end.
        let room = room(*stream_id, *frame_id, max_frame_size).max(1);
        let mut pieces = actions.as_bytes().chunks(room).peekable();
        let mut frame_type = FrameType::ACK;
        loop {
            let piece = pieces.next().unwrap_or_default();
            let fin = pieces.peek().is_none();
            let flags = Flags { fin, abort: false };
            head::encode_around(frame_type, flags, *stream_id, *frame_id, piece, dst);
            if fin {
                return;
            }
            // Only the first fragment has the type of the frame.
            frame_type = FrameType::UNSET;
        }
    }
}

/// Appends an ACK as [`Ack::encode_whole`] does.
#[inline(always)]
pub(crate) fn encode(
    (stream_id, frame_id): (StreamId, FrameId),
    actions: &Actions,
    max_frame_size: u32,
    dst: &mut BytesMut,
) -> usize {
    let mut left_out = 0;
    let mut fitting = actions.as_bytes();
    // The longest possible head stands for the real one: this saves two comparisons per ACK, and
    // only ACKs near the limit are measured exactly.
    if u64::from(max_frame_size) < (head::MAX_HEAD + fitting.len()) as u64 {
        (fitting, left_out) = actions.fit(room(stream_id, frame_id, max_frame_size));
    }
    head::encode_around(FrameType::ACK, Flags::FIN, stream_id, frame_id, fitting, dst);
    left_out
}

/// How many bytes of actions a frame can hold.
fn room(stream_id: StreamId, frame_id: FrameId, max_frame_size: u32) -> usize {
    let limit = usize::try_from(max_frame_size).unwrap_or(usize::MAX);
    limit.saturating_sub(head::overhead(stream_id, frame_id))
}
