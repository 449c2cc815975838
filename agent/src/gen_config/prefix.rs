//! The prefix: what all names on HAProxy's side begin with.

use std::{fmt, str::FromStr};

/// What the names of variables, headers, files and the backend begin with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Prefix(String);

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if begins && text.len() <= 32 && text.bytes().all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        Err("use up to 32 lower-case letters, digits and `_`, and begin with a letter")
    }
}

impl Prefix {
    /// The beginning of a header: without `_`, which many servers drop.
    pub(super) fn header(&self, name: &str) -> String {
        let name = name.replace(['.', '_'], "-").to_ascii_lowercase();
        format!("x-{}-{name}", self.0.replace('_', "-"))
    }

    /// A pattern of all spellings of the headers: a server may take `X_Spoa_User` for `x-spoa-user`.
    pub(super) fn header_pattern(&self) -> String {
        format!("^x[^a-z0-9]{}[^a-z0-9]", self.0.replace('_', "[^a-z0-9]"))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_part_of_names() {
        for text in ["spoa", "a", "my_guard2"] {
            assert_eq!(
                text.parse::<Prefix>().map(|prefix| prefix.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in ["", "2a", "_a", "Spoa", "a-b", "a.b", "a b", "a\nb", "é", &"a".repeat(33)] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn headers_have_no_underscores() {
        let prefix: Prefix = "my_guard".parse().unwrap();
        assert_eq!(prefix.header("geo.country_code"), "x-my-guard-geo-country-code");
        assert_eq!(prefix.header_pattern(), "^x[^a-z0-9]my[^a-z0-9]guard[^a-z0-9]");
    }
}
