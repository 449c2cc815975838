//! Data error: why data is not taken.

use std::{io, path::PathBuf};

use super::bad_lines::BadLine;

/// Why data is not taken. The last good data stays in use; at the start there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// There is no file.
    #[error("no file matches {pattern}: put one there, or set `optional = true`")]
    Missing {
        /// What was looked for.
        pattern: String,
    },
    /// It is no pattern.
    #[error("{pattern} is not a pattern: {cause}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        cause: glob::PatternError,
    },
    /// A file cannot be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The files are larger than they may be.
    #[error("{}: the files have more than {most} bytes together: raise `max_size`", path.display())]
    TooLarge {
        /// The file that was one too many.
        path: PathBuf,
        /// How many bytes they may have.
        most: u64,
    },
    /// A file changed while it was read.
    #[error("{}: the file changed while it was read; it is read again when two looks find the same", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// What is in the file is not what it is read as.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// It has lines that cannot be read, and such data is refused.
    #[error("bad lines ({count}), the first is {first}: fix them, or set `bad_lines = \"skip\"`")]
    BadLines {
        /// How many.
        count: u64,
        /// The first of them.
        first: BadLine,
    },
    /// It has more entries than it may have.
    #[error("{}: more than {most} entries: raise `max_entries`", path.display())]
    TooMany {
        /// The file that has one too many.
        path: PathBuf,
        /// How many there may be.
        most: usize,
    },
    /// It has fewer entries than it must have.
    #[error(
        "{entries} entries, expected at least {least}: is a file truncated? Otherwise lower `min_entries`"
    )]
    TooFew {
        /// How many it has.
        entries: usize,
        /// How many it must have.
        least: usize,
    },
    /// It has lost more of its entries than is believed.
    #[error(
        "{entries} entries instead of {before}, a loss of more than {most} %: is a file truncated? \
         Otherwise raise `max_shrink`, or reload the data by force"
    )]
    Shrunk {
        /// How many it has now.
        entries: usize,
        /// How many the data in use has.
        before: usize,
        /// How many per cent it may lose.
        most: u8,
    },
    /// The reader panicked.
    #[error("the reader panicked: report this bug, with the file if you can")]
    Panicked,
    /// The thread that reads the files cannot be started, or has ended.
    #[error("the thread that reads the files does not run: {0}")]
    Thread(String),
}
