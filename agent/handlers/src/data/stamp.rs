//! Stamp: what tells one state of a file from another, without a look into it.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
    time::SystemTime,
};

/// A replaced file has another inode, and a written one another time or size. The change of
/// permissions alone shows in the status time (`ctime`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    status_changed: (i64, i64),
}

impl Stamp {
    /// How a file is now; symbolic links are followed. None of a file that is not there.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::new)
    }

    pub(super) fn size(self) -> u64 {
        self.size
    }

    pub(super) fn new(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            status_changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// When a file was written.
pub(super) fn modified(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}
