//! ACK budget: limits the actions of one ACK, and drops those over the limit.

use crate::spop::Actions;

/// Limits the actions of one ACK, so that many large answers do not take much memory.
///
/// Messages are identified by their position in the NOTIFY. Actions over the limit are dropped from
/// the end. Once an action was dropped, nothing at a later position is kept, whenever it arrives.
pub(super) struct AckBudget {
    /// The limit in bytes.
    bytes: usize,
    /// The bytes in use.
    used: usize,
    /// The position after which nothing is kept.
    end: Option<usize>,
    /// How many actions were dropped.
    left_out: usize,
}

impl AckBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, used: 0, end: None, left_out: 0 }
    }

    /// How many actions were dropped.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Keeps the actions of the message at `place` for now, or drops all of them if something
    /// before it was dropped.
    #[inline]
    pub(super) fn take(&mut self, actions: &mut Actions, place: usize) {
        // A later message is dropped too: otherwise HAProxy would see the later of two answers
        // without the earlier one, and take it for complete.
        if self.end.is_some_and(|end| place >= end) {
            self.left_out += actions.fit_to(0);
        } else {
            self.used += actions.encoded_len();
        }
    }

    /// The position after which nothing is kept, once something was dropped.
    pub(super) fn end(&self) -> Option<usize> {
        self.end
    }

    /// Whether [`trim`](Self::trim) has something to drop.
    #[inline]
    pub(super) fn is_exceeded(&self) -> bool {
        self.used > self.bytes
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        if self.end.is_some() { 0 } else { self.bytes.saturating_sub(self.used) }
    }

    /// Trims the actions of the message at `place`, after which nothing is kept.
    pub(super) fn trim(&mut self, actions: &mut Actions, place: usize) {
        let length = actions.encoded_len();
        let excess = self.used.saturating_sub(self.bytes).min(length);
        let left_out = actions.fit_to(length - excess);
        if left_out > 0 {
            self.left_out += left_out;
            self.used -= length - actions.encoded_len();
            self.end = Some(place);
        }
    }
}
