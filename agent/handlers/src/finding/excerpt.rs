//! An excerpt: the line of a file that a finding is about, safe to print.

use std::ops::Range;

use spoa_actors::ForeignText;

use super::{place::Place, sources::Sources};

/// How much of a line is shown behind the place.
const BEHIND: usize = 120;

/// One line of a file. Nothing in it moves a cursor: such characters are replaced, one by one.
pub(super) struct Excerpt {
    pub(super) text: String,
    /// The number of the line, from 1.
    pub(super) line: usize,
    /// What the finding is about, in bytes of `text`; of several lines the part in the first.
    pub(super) span: Range<usize>,
}

impl Excerpt {
    pub(super) fn of(sources: &Sources, place: Place, is_secret: bool) -> Self {
        let source = sources.text(place.source());
        let span = place.span();
        let start = span.start.min(source.len());
        let (line, line_start) = sources.line(place.source(), start);
        let rest = source.get(line_start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');

        let (start, end) = (start - line_start, span.end.saturating_sub(line_start));
        let mut excerpt = Self { text: String::new(), line, span: whole.len()..whole.len() };
        let mut begun = false;
        for (at, character) in whole.char_indices() {
            if at > end.max(start) + BEHIND {
                excerpt.text.push('…');
                break;
            }
            if at >= start && !begun {
                begun = true;
                excerpt.span = excerpt.text.len()..excerpt.text.len();
            }
            let is_within = at >= start && at < end;
            excerpt.text.push(if is_within && is_secret { '*' } else { shown(character) });
            if is_within {
                excerpt.span.end = excerpt.text.len();
            }
        }
        if !begun {
            excerpt.span = excerpt.text.len()..excerpt.text.len();
        }
        excerpt
    }
}

fn shown(character: char) -> char {
    if character == '\t' || ForeignText::is_plain(character) {
        character
    } else {
        char::REPLACEMENT_CHARACTER
    }
}
