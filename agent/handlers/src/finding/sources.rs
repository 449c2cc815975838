//! The files that were read, for findings to show their lines.

use std::path::{Path, PathBuf};

/// One of the files, in the order in which they were read.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceId(u32);

/// The files that were read.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Sources {
    /// Adds a file under the path that findings show.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = [0].into_iter().chain(behind.map(|(at, _)| at + 1)).collect();
        self.sources.push(Source { path: path.into(), text, lines });
        SourceId(u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX))
    }

    /// The path of a file as it was named.
    #[must_use]
    pub fn path(&self, id: SourceId) -> &Path {
        self.get(id).map_or(Path::new(""), |source| &source.path)
    }

    /// What a file holds.
    #[must_use]
    pub fn text(&self, id: SourceId) -> &str {
        self.get(id).map_or("", |source| &source.text)
    }

    /// A path as a file means it: relative to the folder of the file.
    #[must_use]
    pub fn resolve(&self, id: SourceId, path: impl AsRef<Path>) -> PathBuf {
        self.path(id).parent().unwrap_or(Path::new("")).join(path)
    }

    /// The path of the file that was read first.
    #[must_use]
    pub fn first_path(&self) -> &Path {
        self.path(SourceId(0))
    }

    /// The number of the line that a byte is in, from 1, and the first byte of that line.
    pub(super) fn line(&self, id: SourceId, at: usize) -> (usize, usize) {
        let lines = self.get(id).map_or(&[0][..], |source| &source.lines);
        let number = lines.partition_point(|&start| start <= at).max(1);
        (number, lines[number - 1])
    }

    fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }
}
