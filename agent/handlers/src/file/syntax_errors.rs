//! What is no TOML: one finding for each line, with the fix that is most often meant.

use std::ops::Range;

use toml::de::Error;

use super::node::{Table, Value};
use crate::finding::{Finding, Findings, Place, SourceId};

/// The fix for what the parser says; the first that fits.
const FIXES: &[(&str, &str)] = &[
    ("string values must be quoted", "put a text into quotes: `key = \"text\"`"),
    ("invalid basic string", "close the text with `\"` in the same line"),
    ("invalid literal string", "close the text with `'` in the same line"),
    ("invalid multi-line basic string", "close the text with `\"\"\"`"),
    ("invalid multi-line literal string", "close the text with `'''`"),
    ("extra `=`", "write one `=` between a key and its value"),
    ("missing comma", "put a comma between two values"),
    ("unclosed array", "close the list with `]`"),
    ("unclosed inline table", "close the table with `}`"),
    ("unclosed table", "close the name of the section with `]`"),
    ("missing value", "write a value behind the `=`"),
    ("key with no value", "write `key = value`"),
    ("unquoted keys cannot be empty", "write a name in front of the `=`, or between the brackets"),
    ("invalid boolean", "write `true` or `false`"),
    ("cannot recurse further", "nest fewer lists and tables"),
    ("escaped value", "write `\\\\` for a backslash, or put the text into `'…'`"),
    ("invalid", "look at the character in front of it"),
];

const OTHERWISE: &str = "a line is `key = value`, `[section]`, or a comment that begins with `#`";

/// Adds a finding for the first error of each line: those behind it follow from it.
pub(super) fn report(
    source: SourceId,
    text: &str,
    errors: &[Error],
    table: &Table,
    findings: &mut Findings,
) {
    let mut errors: Vec<_> =
        errors.iter().map(|error| (error.span().unwrap_or_default(), error.message())).collect();
    errors.sort_by_key(|(span, _)| (span.start, span.end));
    let mut reported_until = 0;
    for (span, message) in errors {
        let start = span.start.min(text.len());
        if start < reported_until {
            continue;
        }
        reported_until =
            text[floor(text, start)..].find('\n').map_or(usize::MAX, |end| start + end + 1);
        let place = Place::new(source, span.clone());
        findings.add(if message == "duplicate key" {
            duplicate(source, text, span, table)
        } else if let Some(word) = bare_word(text, &span, message) {
            Finding::error("a text stands in quotes")
                .at(place, "a bare word")
                .help(format!("write `\"{word}\"`"))
        } else if text[floor(text, start)..]
            .lines()
            .next()
            .is_none_or(|rest| rest.trim().is_empty())
            && message.contains("must be quoted")
        {
            Finding::error("a key has no value")
                .at(place, "nothing behind the `=`")
                .help("write a value, or remove the key")
        } else {
            let (title, expected) = split(message);
            Finding::error(format!("this is no TOML: {title}"))
                .at(place, expected)
                .help(fix(message))
        });
    }
}

/// Where the first header is that is not closed.
pub(super) fn broken_header(errors: &[Error]) -> Option<usize> {
    let broken = errors.iter().filter(|error| error.message().contains("unclosed table"));
    broken.filter_map(|error| error.span()).map(|span| span.start).min()
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// The word that was taken for a number.
fn bare_word<'t>(text: &'t str, span: &Range<usize>, message: &str) -> Option<&'t str> {
    let is_value = ["invalid float", "must be quoted"].iter().any(|part| message.contains(part));
    let word = text.get(span.clone())?;
    let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_alphabetic());
    Some(word).filter(is_word).filter(|_| is_value)
}

/// What happened, and what would be right.
fn split(message: &str) -> (&str, String) {
    match message.split_once(", expected ") {
        Some((title, "nothing")) => (title, "one too many".to_owned()),
        Some((title, expected)) => (title, format!("expected {expected}")),
        None => (message, String::new()),
    }
}

fn fix(message: &str) -> &'static str {
    FIXES.iter().find(|(part, _)| message.contains(part)).map_or(OTHERWISE, |(_, fix)| fix)
}

/// A key or a section that stands there twice: with the place of the first one.
fn duplicate(source: SourceId, text: &str, span: Range<usize>, table: &Table) -> Finding {
    let name = text.get(span.clone()).unwrap_or_default();
    let place = Place::new(source, span.clone());
    let line_start = text[..floor(text, span.start)].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line_start..].lines().next().unwrap_or_default().trim();
    let (finding, first) = if line.starts_with('[') {
        let finding = Finding::error(format!("the section `{}` stands twice", header(line)))
            .at(place, "again")
            .help("keep one of them, and put all keys below it");
        let name = header(line).trim_matches(['[', ']']).rsplit('.').next().unwrap_or_default();
        let first = first_header(text, line_start, line);
        (finding, first.or_else(|| first_key(table, name, &span)))
    } else {
        let finding = Finding::error(format!("the key `{name}` stands twice"))
            .at(place, "again")
            .help("keep one of them");
        (finding, first_key(table, name.trim_matches(['"', '\'']), &span))
    };
    match first {
        Some(first) => finding.also(Place::new(source, first), "first here"),
        None => finding,
    }
}

/// The header of a section without a comment behind it.
fn header(line: &str) -> &str {
    line.split_inclusive(']').next().unwrap_or(line).trim()
}

/// The same header further up.
fn first_header(text: &str, until: usize, wanted: &str) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text[..until].split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') && header(trimmed) == header(wanted) {
            let start = at + line.len() - line.trim_start().len() + 1;
            return Some(start..start + header(trimmed).len().saturating_sub(2));
        }
        at += line.len();
    }
    None
}

/// The last key of this name in front of a place.
fn first_key(table: &Table, name: &str, before: &Range<usize>) -> Option<Range<usize>> {
    let own = table.entries.iter().filter_map(|entry| {
        let span = entry.key.place.span();
        let is_it = entry.key.name == name && span.end <= before.start;
        let below = match &entry.node.value {
            Value::Table(table) => first_key(table, name, before),
            Value::Array(nodes) => nodes.iter().rev().find_map(|node| match &node.value {
                Value::Table(table) => first_key(table, name, before),
                _ => None,
            }),
            _ => None,
        };
        below.max_by_start(is_it.then_some(span))
    });
    own.max_by_key(|span| span.start)
}

trait MaxByStart {
    fn max_by_start(self, other: Self) -> Self;
}

impl MaxByStart for Option<Range<usize>> {
    /// The one that stands further down.
    fn max_by_start(self, other: Self) -> Self {
        self.into_iter().chain(other).max_by_key(|span| span.start)
    }
}
