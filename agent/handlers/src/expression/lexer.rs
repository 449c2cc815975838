//! From characters to words.

use std::ops::Range;

use super::{
    literal,
    mistake::Mistake,
    token::{Token, TokenKind},
};

/// Operators and brackets, the longer ones first.
const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "<", ">",
    "+", "-", "*", "/", "%", "!",
];

/// Names that are signs.
const WORDS: &[&str] = &["true", "false", "null", "in"];

/// Names that CEL keeps for itself.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reads all words; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at = skip(text, at);
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push(Token { kind: TokenKind::End, span: at..at });
            return Ok(tokens);
        };
        let (kind, length) = if literal::is_quoted(rest) {
            literal::quoted(rest, at)?
        } else if first.is_ascii_digit() || first == '.' && starts_with_digit(&rest[1..]) {
            number(rest, at)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            name(rest, at)?
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (TokenKind::Sign(sign), sign.len())
        } else {
            return Err(stray(first, at));
        };
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
}

/// Where the next word begins, behind whitespace and comments.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text[at..].trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
        at = text.len() - rest.len();
        if !rest.starts_with("//") {
            return at;
        }
        at += rest.find('\n').unwrap_or(rest.len());
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn stray(first: char, at: usize) -> Mistake {
    let help = match first {
        '=' => "write `==` to compare",
        '&' => "write `&&` for both of two conditions",
        '|' => "write `||` for one of two conditions",
        '`' | '“' | '”' | '‘' | '’' => "write texts in `'…'`",
        _ => "remove it, or put a text into quotes: `'…'`",
    };
    let span = at..at + first.len_utf8();
    Mistake::new(&span, format!("`{first}` has no meaning here"), "not CEL", help)
}

fn name(rest: &str, at: usize) -> Result<(TokenKind, usize), Mistake> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    let name = &rest[..length];
    if let Some(word) = WORDS.iter().find(|word| **word == name) {
        return Ok((TokenKind::Sign(word), length));
    }
    let help = match name {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!` in front of the condition",
        _ if RESERVED.contains(&name) => "use another name",
        _ => return Ok((TokenKind::Name(name.to_owned()), length)),
    };
    Err(Mistake::new(&(at..at + length), format!("`{name}` is not a name in CEL"), "not CEL", help))
}

fn number(rest: &str, at: usize) -> Result<(TokenKind, usize), Mistake> {
    let digits = |from: usize| {
        let behind = rest[from..].find(|letter: char| !letter.is_ascii_digit());
        behind.map_or(rest.len(), |length| from + length)
    };
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let length = hex.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(hex.len());
        let number = u64::from_str_radix(&hex[..length], 16).ok();
        return whole(number, rest, at..at + 2 + length);
    }
    let mut end = digits(0);
    let mut is_whole = true;
    if rest[end..].starts_with('.') && starts_with_digit(&rest[end + 1..]) {
        is_whole = false;
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let signed = end + 1 + usize::from(rest[end + 1..].starts_with(['+', '-']));
        if starts_with_digit(&rest[signed..]) {
            is_whole = false;
            end = digits(signed);
        }
    }
    if is_whole {
        return whole(rest[..end].parse().ok(), rest, at..at + end);
    }
    match rest[..end].parse::<f64>() {
        Ok(double) if double.is_finite() => Ok((TokenKind::Double(double), end)),
        _ => Err(too_large(&(at..at + end))),
    }
}

fn whole(
    number: Option<u64>,
    rest: &str,
    span: Range<usize>,
) -> Result<(TokenKind, usize), Mistake> {
    let length = span.len();
    if rest[length..].starts_with(['u', 'U']) {
        let span = span.start..span.end + 1;
        return Err(Mistake::new(
            &span,
            "there are no unsigned numbers here",
            "unsigned",
            "remove the `u`",
        ));
    }
    match number.filter(|number| *number <= 1 << 63) {
        Some(number) => Ok((TokenKind::Int(number), length)),
        None => Err(too_large(&span)),
    }
}

fn too_large(span: &Range<usize>) -> Mistake {
    Mistake::new(
        span,
        "a number is too large",
        "too large",
        "write a number that fits into 64 bits",
    )
}
