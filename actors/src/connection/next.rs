//! Next: whether a connection continues at once, or waits to be woken.

/// What a connection does after a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// There is work that will not wake the task: it takes another turn.
    Again,
    /// All ready work is done, and any further event wakes the task.
    Wait,
}

impl Next {
    /// Continues at once if there is more to do.
    pub(super) fn again_if(there_is_more: bool) -> Self {
        if there_is_more { Self::Again } else { Self::Wait }
    }

    /// The same if the output is written; otherwise the peer wakes the task when it reads.
    pub(super) fn if_flushed(self, has_left: bool) -> Self {
        if has_left { self } else { Self::Wait }
    }
}
