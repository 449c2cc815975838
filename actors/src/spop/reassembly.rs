//! Fragments of a NOTIFY become one NOTIFY, within a bound.
//!
//! ```text
//! NOTIFY without FIN, UNSET without FIN …, UNSET with FIN     (HAProxy up to 3.0; same ids in all)
//! UNSET with FIN and ABORT: HAProxy gave up, there will be no more and no answer is wanted
//! ```

use bytes::{BufMut, BytesMut};

use super::{
    frame::{Fragment, FrameType},
    ids::{FrameId, StreamId},
    notify::{Messages, Notify},
    violation::Violation,
};

/// The NOTIFY that is arriving in fragments.
#[derive(Debug)]
pub(super) struct Reassembly {
    stream_id: StreamId,
    frame_id: FrameId,
    payload: BytesMut,
    /// Over the bound: what follows is not kept, the NOTIFY is answered without being read.
    overflowed: bool,
}

/// What a fragment did to the NOTIFY it belongs to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// More will come.
    Unfinished,
    /// It was the last one.
    Complete(Notify),
    /// It was the last one of a NOTIFY that is larger than the bound.
    Overflowed(StreamId, FrameId),
    /// HAProxy gave up.
    Aborted,
}

impl Reassembly {
    pub(super) fn begin(first: &Fragment, bound: usize) -> Self {
        let mut reassembly = Self {
            stream_id: first.stream_id,
            frame_id: first.frame_id,
            payload: BytesMut::new(),
            overflowed: false,
        };
        reassembly.keep(&first.payload, bound);
        reassembly
    }

    /// Takes a continuation; says what became of the NOTIFY.
    pub(super) fn proceed(&mut self, next: &Fragment, bound: usize) -> Result<Progress, Violation> {
        let ids = (next.stream_id, next.frame_id);
        if next.frame_type != FrameType::UNSET || ids != (self.stream_id, self.frame_id) {
            return Err(Violation::Interlaced { received: next.frame_type });
        }
        if next.flags.abort {
            return Ok(Progress::Aborted);
        }
        self.keep(&next.payload, bound);
        Ok(match next.flags.fin {
            false => Progress::Unfinished,
            true if self.overflowed => Progress::Overflowed(self.stream_id, self.frame_id),
            true => Progress::Complete(Notify {
                stream_id: self.stream_id,
                frame_id: self.frame_id,
                messages: Messages::decode(std::mem::take(&mut self.payload).freeze())?,
            }),
        })
    }

    fn keep(&mut self, piece: &[u8], bound: usize) {
        if self.overflowed || self.payload.len() + piece.len() > bound {
            self.overflowed = true;
            self.payload = BytesMut::new();
        } else {
            self.payload.put_slice(piece);
        }
    }
}
