//! Next: whether a connection goes on at once when it has done what it could.

/// What a connection does after a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Something can be done at once, of which nothing wakes the task: it takes another turn.
    Again,
    /// All that was ready is done, and whatever comes next wakes the task.
    Wait,
}

impl Next {
    /// Goes on at once if there is more to do.
    pub(super) fn again_if(there_is_more: bool) -> Self {
        if there_is_more { Self::Again } else { Self::Wait }
    }

    /// The same if what was written has left; else the peer wakes the task when it takes more.
    pub(super) fn if_flushed(self, has_left: bool) -> Self {
        if has_left { self } else { Self::Wait }
    }
}
