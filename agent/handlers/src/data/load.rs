//! Load: what makes a table of files.

use super::{bad_lines::BadLines, error::DataError, files::Files};

/// Makes a table of files, on a thread of its own.
pub trait Load: Send + 'static {
    /// What the files become.
    type Table: Send + Sync + 'static;

    /// Reads the files. Lines that cannot be read are counted, and left out.
    ///
    /// # Errors
    ///
    /// The last good table stays in use.
    fn load(&self, files: &mut Files, bad: &mut BadLines)
    -> Result<Loaded<Self::Table>, DataError>;
}

/// A table, and what it holds.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The table.
    pub table: T,
    /// How many entries it has.
    pub entries: usize,
    /// The memory that it takes, in bytes.
    pub bytes: usize,
}
