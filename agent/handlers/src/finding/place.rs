//! A place: a part of one file, in bytes.

use std::ops::Range;

use super::sources::SourceId;

/// A part of a file, in bytes; places are ordered as the files were read.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    source: SourceId,
    start: u32,
    end: u32,
}

impl Place {
    /// These bytes of a file.
    #[must_use]
    pub fn new(source: SourceId, span: Range<usize>) -> Self {
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { source, start: byte(span.start), end: byte(span.end) }
    }

    /// The file.
    #[must_use]
    pub fn source(self) -> SourceId {
        self.source
    }

    /// The bytes of the file.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
