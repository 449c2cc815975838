//! Bad lines: what could not be read, and where it stands.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// How many are kept with their places.
const KEPT: usize = 10;

/// What to do about lines that cannot be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnBadLines {
    /// Load the other lines.
    #[default]
    Skip,
    /// Keep the last good data.
    Refuse,
}

/// A line that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadLine {
    /// The file that it is in.
    pub file: PathBuf,
    /// Its number, from 1 on.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Lines that could not be read: how many there are, and the first ten.
#[derive(Clone, Debug, Default)]
pub struct BadLines {
    count: u64,
    first: Vec<BadLine>,
}

impl BadLines {
    /// Counts a line.
    pub fn add(&mut self, file: &Path, line: u64, reason: impl fmt::Display) {
        self.count += 1;
        if self.first.len() < KEPT {
            let reason = reason.to_string();
            self.first.push(BadLine { file: file.to_owned(), line, reason });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first ten.
    #[must_use]
    pub fn first(&self) -> &[BadLine] {
        &self.first
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.reason)
    }
}
