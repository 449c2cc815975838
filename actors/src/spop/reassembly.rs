//! Reassembly: joins the fragments of a NOTIFY, up to a size limit.
//!
//! ```text
//! NOTIFY without FIN, UNSET without FIN …, UNSET with FIN     (HAProxy up to 3.0; same ids in all)
//! UNSET with FIN and ABORT: HAProxy gave up, there will be no more and no answer is wanted
//! ```

use super::{
    fragment::Fragment,
    frame_type::FrameType,
    ids::{FrameId, StreamId},
    notify::{Messages, Notify},
    violation::Violation,
};

/// The NOTIFY that is arriving in fragments.
#[derive(Debug)]
pub(super) struct Reassembly {
    stream_id: StreamId,
    frame_id: FrameId,
    payload: Vec<u8>,
    /// Over the limit: only the names of the messages received so far are stored.
    overflowed: Option<Messages>,
}

/// The state of a NOTIFY after a fragment.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// Further fragments follow.
    Unfinished,
    /// It was the last one.
    Complete(Notify),
    /// It was the last fragment of a NOTIFY over the size limit. It has the names of the messages
    /// that began within the limit.
    Overflowed(Notify),
    /// HAProxy aborted the NOTIFY.
    Aborted,
}

impl Reassembly {
    pub(super) fn begin(first: &Fragment, bound: usize) -> Self {
        let mut reassembly = Self {
            stream_id: first.stream_id,
            frame_id: first.frame_id,
            payload: Vec::new(),
            overflowed: None,
        };
        reassembly.keep(&first.payload, bound);
        reassembly
    }

    /// Takes a continuation, and returns the state of the NOTIFY.
    pub(super) fn proceed(&mut self, next: &Fragment, bound: usize) -> Result<Progress, Violation> {
        let ids = (next.stream_id, next.frame_id);
        if next.frame_type != FrameType::UNSET || ids != (self.stream_id, self.frame_id) {
            return Err(Violation::Interlaced { received: next.frame_type });
        }
        // Checked before the payload: an aborted payload is neither stored nor counted.
        if next.flags.abort {
            return Ok(Progress::Aborted);
        }
        self.keep(&next.payload, bound);
        if !next.flags.fin {
            return Ok(Progress::Unfinished);
        }
        let (stream_id, frame_id) = (self.stream_id, self.frame_id);
        Ok(match self.overflowed.take() {
            Some(messages) => Progress::Overflowed(Notify { stream_id, frame_id, messages }),
            None => {
                // A `Bytes` made from a boxed slice has no spare capacity.
                let payload = std::mem::take(&mut self.payload).into_boxed_slice();
                let messages = Messages::decode(payload.into())?;
                Progress::Complete(Notify { stream_id, frame_id, messages })
            }
        })
    }

    /// How many bytes of memory the unfinished NOTIFY takes.
    pub(super) fn kept(&self) -> usize {
        self.payload.capacity() + self.overflowed.as_ref().map_or(0, Messages::encoded_len)
    }

    fn keep(&mut self, piece: &[u8], bound: usize) {
        if self.overflowed.is_some() {
            return;
        }
        // Up to the last byte of the limit, so that as many names as possible are known.
        let room = bound.saturating_sub(self.payload.len());
        let (kept, beyond) = piece.split_at(piece.len().min(room));
        self.payload.extend_from_slice(kept);
        if !beyond.is_empty() {
            self.overflowed = Some(Messages::names_in(&self.payload));
            // The memory is freed now and not at the last fragment, which a slow peer may never
            // send.
            self.payload = Vec::new();
        }
    }
}
