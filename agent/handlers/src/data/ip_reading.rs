//! IP reading: what the lines of a list say, on the way into the table.

use std::path::Path;

use super::{bad_lines::BadLines, error::DataError};
use crate::table::{IpSetBuilder, TooManySets, prefixes};

/// The highest score.
const MOST_SCORE: u8 = 100;
/// How long a tag may be.
const LONGEST_TAG: usize = 64;

/// One file, as it is read line by line.
pub(super) struct Reading<'a> {
    pub(super) list: String,
    /// Of addresses that have none of their own.
    pub(super) score: Option<u8>,
    /// Of all addresses.
    pub(super) tags: &'a [String],
    /// The number of what is said of addresses without a score and tags of their own, once it is known.
    pub(super) plain: Option<u16>,
    pub(super) path: &'a Path,
    pub(super) bad: &'a mut BadLines,
    /// How many prefixes there may be.
    pub(super) most: usize,
    pub(super) builder: &'a mut IpSetBuilder,
}

impl Reading<'_> {
    /// Adds what a line says, or counts it as a bad one.
    pub(super) fn add(
        &mut self,
        line: u64,
        address: &str,
        score: Option<&str>,
        tags: &[&str],
    ) -> Result<(), DataError> {
        match self.try_add(address, score, tags) {
            Ok(()) => Ok(()),
            Err(Fault::Line(reason)) => {
                self.bad.add(self.path, line, reason);
                Ok(())
            }
            Err(Fault::TooMany) => {
                Err(DataError::TooMany { path: self.path.to_owned(), most: self.most })
            }
            Err(Fault::Full(error)) => {
                Err(DataError::Content { path: self.path.to_owned(), reason: error.to_string() })
            }
        }
    }

    /// The number of what is said; most lines of most lists say nothing of their own.
    fn facts(&mut self, score: Option<u8>, tags: &[&str]) -> Result<u16, TooManySets> {
        let is_plain = score.is_none() && tags.is_empty();
        if let Some(plain) = self.plain.filter(|_| is_plain) {
            return Ok(plain);
        }
        let tags = self.tags.iter().map(String::as_str).chain(tags.iter().copied());
        let facts = self.builder.facts(&self.list, score.or(self.score), tags)?;
        self.plain = self.plain.or(is_plain.then_some(facts));
        Ok(facts)
    }

    fn try_add(&mut self, address: &str, score: Option<&str>, tags: &[&str]) -> Result<(), Fault> {
        let prefixes = prefixes(address).map_err(|error| Fault::Line(error.to_string()))?;
        let score = score.map(self::score).transpose().map_err(Fault::Line)?;
        if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
            let length = tag.chars().count();
            return Err(Fault::Line(format!(
                "a tag of {length} characters is none: expected 1 to {LONGEST_TAG} visible ASCII characters"
            )));
        }
        let facts = self.facts(score, tags).map_err(Fault::Full)?;
        prefixes.for_each(|prefix| self.builder.add(prefix, facts));
        if self.builder.len() > self.most { Err(Fault::TooMany) } else { Ok(()) }
    }
}

/// Why a line is not taken.
enum Fault {
    Line(String),
    TooMany,
    Full(TooManySets),
}

fn score(text: &str) -> Result<u8, String> {
    let score = text.parse().ok().filter(|score| *score <= MOST_SCORE);
    score.ok_or_else(|| format!("expected a score from 0 to {MOST_SCORE}"))
}

fn is_tag(tag: &str) -> bool {
    (1..=LONGEST_TAG).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_graphic())
}
