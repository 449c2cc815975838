//! Shortage: the system has no descriptor, thread or memory left.

use std::io;

/// What to do if there is no descriptor, thread or memory.
pub(crate) const SHORTAGE: &str =
    "; raise `ulimit -n` (LimitNOFILE), `ulimit -u` (TasksMax, pids_limit) or the memory limit";

/// Whether the system is short of something, whatever was asked for.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    // EMFILE, ENFILE, ENOMEM, ENOBUFS.
    matches!(error.raw_os_error(), Some(24 | 23 | 12 | 105))
}
