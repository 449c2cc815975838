//! ACK budget: how much one ACK may hold, and what is left out of it.

use crate::spop::Actions;

/// How much one ACK may hold: many large answers make no large memory.
///
/// Messages are told apart by their place in the NOTIFY. What finds no room is left out from the
/// end; once something is left out, nothing at a later place is kept, whenever it comes.
pub(super) struct AckBudget {
    /// What may be kept in all, in bytes.
    bytes: usize,
    /// What is kept now, in bytes.
    used: usize,
    /// The place behind which nothing is kept.
    end: Option<usize>,
    /// How many actions are not kept.
    left_out: usize,
}

impl AckBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, used: 0, end: None, left_out: 0 }
    }

    /// How many actions are not kept.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Keeps the actions of the message at `place`, for now; none of them if something was left out
    /// before that place.
    #[inline]
    pub(super) fn take(&mut self, actions: &mut Actions, place: usize) {
        // Whoever comes later than what was left out is left out too: HAProxy would else see the later of
        // two answers without the earlier one, and take it for the whole.
        if self.end.is_some_and(|end| place >= end) {
            self.left_out += actions.fit_to(0);
        } else {
            self.used += actions.encoded_len();
        }
    }

    /// The place behind which nothing is kept, once something was left out.
    pub(super) fn end(&self) -> Option<usize> {
        self.end
    }

    /// Whether there is something to [`trim`](Self::trim).
    #[inline]
    pub(super) fn is_exceeded(&self) -> bool {
        self.used > self.bytes
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        if self.end.is_some() { 0 } else { self.bytes.saturating_sub(self.used) }
    }

    /// Trims the actions of the message at `place`, behind which nothing is kept any more.
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
