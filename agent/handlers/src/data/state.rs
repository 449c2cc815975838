//! Data state: how a data set is, for those who look at it from outside.

use std::time::{Duration, SystemTime};

use super::bad_lines::BadLine;

/// How a data set is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DataState {
    /// Its name.
    pub name: String,
    /// Whether what was read last is in use.
    pub is_up: bool,
    /// Whether what is in use is older than the files, or than it may be.
    pub is_stale: bool,
    /// How many entries are in use.
    pub entries: usize,
    /// The memory that they take, in bytes. While files are read, the new table is there beside it.
    pub bytes: usize,
    /// How many lines could not be read in what is in use.
    pub bad_lines: u64,
    /// The first ten of them.
    pub first_bad_lines: Vec<BadLine>,
    /// When the newest file of what is in use was written.
    pub modified: Option<SystemTime>,
    /// When it was read.
    pub loaded: Option<SystemTime>,
    /// How often files were read and taken.
    pub loads: u64,
    /// How often files were read and not taken.
    pub failures: u64,
    /// Why what was read last is not in use.
    pub last_error: Option<String>,
}

impl DataState {
    /// How old what is in use is, by the time at which its newest file was written.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        self.modified.map(|modified| now.duration_since(modified).unwrap_or_default())
    }
}
