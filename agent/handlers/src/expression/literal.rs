//! Texts and bytes in quotes.

use std::ops::Range;

use super::{mistake::Mistake, token::TokenKind};

/// Which of the forms it is.
struct Form {
    is_raw: bool,
    is_bytes: bool,
    quote: &'static str,
    /// How long prefix and opening quotes are.
    length: usize,
}

impl Form {
    fn of(rest: &str) -> Option<Self> {
        let prefix_end = rest.find(['"', '\'']).filter(|end| *end <= 2)?;
        let prefix = rest[..prefix_end].to_ascii_lowercase();
        if !["", "r", "b", "rb", "br"].contains(&prefix.as_str()) {
            return None;
        }
        let behind = &rest[prefix_end..];
        let quote =
            ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| behind.starts_with(quote))?;
        let (is_raw, is_bytes) = (prefix.contains('r'), prefix.contains('b'));
        Some(Self { is_raw, is_bytes, quote, length: prefix_end + quote.len() })
    }
}

/// Whether a literal in quotes begins here.
pub(super) fn is_quoted(rest: &str) -> bool {
    Form::of(rest).is_some()
}

/// Reads a literal that begins here, which is at `start` of the expression, and its length.
pub(super) fn quoted(rest: &str, start: usize) -> Result<(TokenKind, usize), Mistake> {
    let open = || {
        let span = start..start + rest.chars().next().map_or(1, char::len_utf8);
        Mistake::new(&span, "a text is not closed", "opened here", "close it with the same quotes")
    };
    let form = Form::of(rest).ok_or_else(open)?;
    let mut read = Vec::new();
    let mut at = form.length;
    while !rest[at..].starts_with(form.quote) {
        let first = rest[at..].chars().next().ok_or_else(open)?;
        if form.quote.len() == 1 && ['\n', '\r'].contains(&first) {
            return Err(open());
        }
        if first != '\\' || form.is_raw {
            let end = at + first.len_utf8();
            read.extend_from_slice(&rest.as_bytes()[at..end]);
            at = end;
            continue;
        }
        let (character, length) = escape(&rest[at..], form.is_bytes).ok_or_else(|| {
            let next = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            unknown_escape(&(start + at..start + at + 1 + next))
        })?;
        match u8::try_from(character) {
            Ok(byte) if form.is_bytes => read.push(byte),
            _ => read.extend_from_slice(
                char::from_u32(character).unwrap_or_default().to_string().as_bytes(),
            ),
        }
        at += length;
    }
    let length = at + form.quote.len();
    if form.is_bytes {
        return Ok((TokenKind::Bytes(read), length));
    }
    Ok((TokenKind::Text(String::from_utf8_lossy(&read).into_owned()), length))
}

fn unknown_escape(span: &Range<usize>) -> Mistake {
    let help = "write `\\\\` for a backslash, or `r'…'` for a text without escapes";
    Mistake::new(span, "an escape is not known", "not an escape", help)
}

/// The code point or byte of an escape, and its length.
fn escape(rest: &str, is_bytes: bool) -> Option<(u32, usize)> {
    let simple = match rest.as_bytes().get(1)? {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => 10,
        b'r' => 13,
        b't' => 9,
        b'v' => 11,
        byte @ (b'\\' | b'?' | b'"' | b'\'' | b'`') => u32::from(*byte),
        b'x' | b'X' => return digits(rest, 2, 2, 16),
        b'u' if !is_bytes => return digits(rest, 2, 4, 16),
        b'U' if !is_bytes => return digits(rest, 2, 8, 16),
        b'0'..=b'3' => return digits(rest, 1, 3, 8),
        _ => return None,
    };
    Some((simple, 2))
}

fn digits(rest: &str, from: usize, count: usize, radix: u32) -> Option<(u32, usize)> {
    let digits = rest.get(from..from + count)?;
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(number)?;
    Some((number, from + count))
}
