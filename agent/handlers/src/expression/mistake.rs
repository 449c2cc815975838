//! A mistake in an expression.

use std::ops::Range;

use crate::{file::Text, finding::Finding};

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The part of the expression, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub title: String,
    /// What stands there.
    pub label: String,
    /// How it is put right.
    pub help: String,
}

impl Mistake {
    pub(super) fn new(
        span: &Range<usize>,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let span = span.clone();
        Self { span, title: title.into(), label: label.into(), help: help.into() }
    }

    /// The finding for an expression that stands in a file as this text.
    #[must_use]
    pub fn finding(&self, text: &Text) -> Finding {
        let place = text.place_of(self.span.clone());
        Finding::error(&self.title).at(place, &self.label).help(&self.help)
    }
}
