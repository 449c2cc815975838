//! How a text is written in TOML: which byte of it stands where, behind quotes and escapes.

use super::text::Origin;

/// Where each byte of `text` stands, which is written as `raw` from the byte `start` of its file on.
pub(super) fn origin(raw: &str, text: &str, start: usize) -> Origin {
    let (quotes, is_literal) = match raw.as_bytes() {
        [b'\'', b'\'', b'\'', ..] => (3, true),
        [b'"', b'"', b'"', ..] => (3, false),
        [b'\'', ..] => (1, true),
        _ => (1, false),
    };
    let mut inner = raw.get(quotes..raw.len().saturating_sub(quotes)).unwrap_or_default();
    let mut at = start + quotes;
    if quotes == 3 {
        let line_feed = ["\n", "\r\n"].into_iter().find(|end| inner.starts_with(end));
        let skipped = line_feed.map_or(0, str::len);
        inner = &inner[skipped..];
        at += skipped;
    }
    if inner == text && (is_literal || !inner.contains('\\')) {
        return Origin::From(at);
    }
    each(inner, text, at).map_or_else(|| Origin::Each(vec![start; text.len() + 1]), Origin::Each)
}

/// Nothing if the two do not belong together: then the place is the whole text.
fn each(inner: &str, text: &str, start: usize) -> Option<Vec<usize>> {
    let mut starts = Vec::with_capacity(text.len() + 1);
    let mut rest = inner;
    let mut behind = text.chars();
    while let Some(first) = rest.chars().next() {
        let at = start + inner.len() - rest.len();
        let length = if first == '\\' { escape(rest) } else { Some(first.len_utf8()) };
        let (escaped, next) = match length {
            Some(length) => (true, rest.get(length..)?),
            None => (false, continued(rest)),
        };
        rest = next;
        if escaped {
            let character = behind.next()?;
            starts.extend(std::iter::repeat_n(at, character.len_utf8()));
        }
    }
    starts.push(start + inner.len());
    Some(starts).filter(|starts| behind.next().is_none() && starts.len() == text.len() + 1)
}

/// How long an escape is; nothing where a backslash ends the line.
fn escape(rest: &str) -> Option<usize> {
    match rest.as_bytes().get(1)? {
        b'u' => Some(6),
        b'U' => Some(10),
        b'x' => Some(4),
        b' ' | b'\t' | b'\r' | b'\n' => None,
        _ => Some(2),
    }
}

/// What stands behind a backslash at the end of a line and the whitespace that it takes with it.
fn continued(rest: &str) -> &str {
    rest[1..].trim_start_matches([' ', '\t', '\r', '\n'])
}
