//! Files: those that a source names now, and what is in them.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::SystemTime,
};

use glob::MatchOptions;
use spoa_actors::regular_file;

use super::{
    error::DataError,
    source::Source,
    stamp::{Stamp, modified},
};

/// Names that begin with a dot belong to others: a `ConfigMap` has folders of that kind.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Every file, and how it is.
pub(super) type Look = Vec<(PathBuf, Option<Stamp>)>;

/// A file and what is in it.
#[derive(Debug)]
pub struct Contents {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files of a source, read one after the other.
#[derive(Debug)]
pub struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    most: u64,
    most_entries: usize,
    /// How many bytes were read.
    pub(super) read: u64,
    /// When the newest file was written.
    pub(super) modified: Option<SystemTime>,
}

/// How the files are that a source names now, in the order of their names.
pub(super) fn look(source: &Source) -> Result<Look, DataError> {
    let mut paths = Vec::new();
    for pattern in &source.files {
        if !pattern.contains(['*', '?', '[']) {
            paths.push(PathBuf::from(pattern));
            continue;
        }
        let found = glob::glob_with(pattern, MATCHING);
        let found =
            found.map_err(|cause| DataError::Pattern { pattern: pattern.clone(), cause })?;
        for path in found {
            paths.push(path.map_err(|error| {
                let path = error.path().to_owned();
                DataError::Read { path, cause: error.into() }
            })?);
        }
    }
    paths.sort();
    paths.dedup();
    let stamped = paths.into_iter().map(|path| (Stamp::of(&path), path));
    Ok(stamped.map(|(stamp, path)| (path, stamp)).collect())
}

impl Files {
    pub(super) fn new(source: &Source) -> Result<Self, DataError> {
        let paths: Vec<_> = look(source)?.into_iter().map(|(path, _)| path).collect();
        if paths.is_empty() {
            return Err(DataError::Missing { pattern: source.files.join(", ") });
        }
        Ok(Self {
            paths: paths.into_iter(),
            most: source.max_size,
            most_entries: source.max_entries,
            read: 0,
            modified: None,
        })
    }

    /// How many entries there may be.
    #[must_use]
    pub fn max_entries(&self) -> usize {
        self.most_entries
    }

    fn read(&mut self, path: PathBuf) -> Result<Contents, DataError> {
        let left = self.most.saturating_sub(self.read);
        let (bytes, metadata) = match regular_file::read(&path, left) {
            Ok(read) => read,
            Err(cause) if cause.kind() == ErrorKind::FileTooLarge => {
                return Err(DataError::TooLarge { path, most: self.most });
            }
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                return Err(DataError::Missing { pattern: path.display().to_string() });
            }
            Err(cause) => return Err(DataError::Read { path, cause }),
        };
        if is_changed(&path, Stamp::new(&metadata), bytes.len()) {
            return Err(DataError::Changed { path });
        }
        self.read += bytes.len() as u64;
        self.modified = self.modified.max(Some(modified(&metadata)));
        Ok(Contents { path, bytes })
    }
}

impl Iterator for Files {
    type Item = Result<Contents, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.paths.next()?;
        Some(self.read(path))
    }
}

/// Whether a file is another one than that which was opened, or has been written since.
fn is_changed(path: &Path, opened: Stamp, length: usize) -> bool {
    Stamp::of(path) != Some(opened) || opened.size() != length as u64
}
