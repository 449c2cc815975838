//! A text of the file, and where each of its bytes stands.

use std::ops::Range;

use crate::finding::Place;

/// What stands in quotes, without them, and with its variables replaced.
#[derive(Clone, Debug)]
pub struct Text {
    text: String,
    place: Place,
    origin: Origin,
    is_interpolated: bool,
}

/// Where the bytes of a text stand in its file.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// One after the other from here on.
    From(usize),
    /// Each where its escape or its variable begins; one more for the end.
    Each(Vec<usize>),
}

impl Text {
    pub(super) fn new(text: String, place: Place, origin: Origin) -> Self {
        Self { text, place, origin, is_interpolated: false }
    }

    pub(super) fn interpolated(text: String, place: Place, starts: Vec<usize>) -> Self {
        Self { text, place, origin: Origin::Each(starts), is_interpolated: true }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// All of it, with its quotes.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether a variable of the environment is part of it: then a number may be in quotes.
    #[must_use]
    pub fn is_interpolated(&self) -> bool {
        self.is_interpolated
    }

    /// Where these bytes of the text stand in the file: at least one byte, if the text has one there.
    #[must_use]
    pub fn place_of(&self, range: Range<usize>) -> Place {
        let start = self.start_of(range.start);
        let ends = (range.end.max(range.start)..=self.text.len()).map(|at| self.start_of(at));
        let end = if range.is_empty() {
            start
        } else {
            ends.into_iter().find(|end| *end > start).unwrap_or(start)
        };
        Place::new(self.place.source(), start..end)
    }

    /// Where a byte of the text begins in the file.
    pub(super) fn start_of(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        match &self.origin {
            Origin::From(start) => start + at,
            Origin::Each(starts) => starts.get(at).copied().unwrap_or(self.place.span().start),
        }
    }
}
