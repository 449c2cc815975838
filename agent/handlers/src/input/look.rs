//! What is looked up in a text.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::bytes::Regex;
use spoa_actors::HeaderBlock;

use super::json;

/// What is looked up in a text.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// The last header of this name, in a block as text or binary.
    Header(String),
    /// The cookie of this name, in a header `Cookie`.
    Cookie(String),
    /// The field of this name, in a query or a form.
    Field(String),
    /// The field at this path, in a JSON text.
    Json(Vec<String>),
    /// The token, in a header `Authorization`.
    Bearer,
    /// The user, in a header `Authorization`.
    BasicUser,
    /// The host without its port, in lower case.
    Host,
    /// The first group of a pattern, or what it matches.
    Pattern(Regex),
}

impl Look {
    pub(super) fn find<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, [u8]>> {
        match self {
            Self::Header(name) => {
                HeaderBlock::read(text).ok()?.get_all(name).last().map(Cow::Borrowed)
            }
            Self::Cookie(name) => cookie(text, name.as_bytes()).map(Cow::Borrowed),
            Self::Field(name) => field(text, name),
            Self::Json(path) => json::field(text, path).map(|text| Cow::Owned(text.into_bytes())),
            Self::Bearer => behind_scheme(text, b"bearer").map(Cow::Borrowed),
            Self::BasicUser => {
                let mut decoded = STANDARD.decode(behind_scheme(text, b"basic")?).ok()?;
                let end = decoded.iter().position(|byte| *byte == b':')?;
                decoded.truncate(end);
                Some(Cow::Owned(decoded))
            }
            Self::Host => Some(host(text)),
            Self::Pattern(pattern) => {
                let captures = pattern.captures(text)?;
                let found = captures.get(1).or_else(|| captures.get(0))?;
                Some(Cow::Borrowed(found.as_bytes()))
            }
        }
    }
}

fn cookie<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    text.split(|byte| *byte == b';').find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let value = pair[at + 1..].trim_ascii();
        let value =
            value.strip_prefix(b"\"").and_then(|own| own.strip_suffix(b"\"")).unwrap_or(value);
        (pair[..at].trim_ascii() == name).then_some(value)
    })
}

fn field<'t>(text: &'t [u8], name: &str) -> Option<Cow<'t, [u8]>> {
    form_urlencoded::parse(text).find(|(own, _)| own == name).map(|(_, value)| match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
        Cow::Owned(value) => Cow::Owned(value.into_bytes()),
    })
}

fn behind_scheme<'t>(text: &'t [u8], scheme: &[u8]) -> Option<&'t [u8]> {
    let (own, rest) = text.trim_ascii().split_at_checked(scheme.len())?;
    let is_separate = rest.first() == Some(&b' ');
    (own.eq_ignore_ascii_case(scheme) && is_separate).then(|| rest.trim_ascii())
}

fn host(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.trim_ascii();
    let end = match text.first() {
        Some(b'[') => text.iter().position(|byte| *byte == b']').map_or(text.len(), |at| at + 1),
        _ => text.iter().position(|byte| *byte == b':').unwrap_or(text.len()),
    };
    let host = &text[..end];
    if host.iter().any(u8::is_ascii_uppercase) {
        return Cow::Owned(host.to_ascii_lowercase());
    }
    Cow::Borrowed(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(look: &Look, text: &[u8]) -> Option<String> {
        look.find(text).map(|found| String::from_utf8_lossy(&found).into_owned())
    }

    fn is(look: &Look, cases: &[(&[u8], Option<&str>)]) {
        for (text, expected) in cases {
            assert_eq!(found(look, text).as_deref(), *expected, "{look:?} {}", text.escape_ascii());
        }
    }

    #[test]
    fn a_header_is_found_in_both_forms_of_a_block() {
        let look = Look::Header("X-Real".to_owned());
        let binary = HeaderBlock::encode([("x-real", "1"), ("x-real", "2")]);
        is(
            &look,
            &[
                (&binary, Some("2")),
                (b"host: a\r\nx-real: 3\r\n\r\n", Some("3")),
                (b"host: a\r\n\r\n", None),
                (b"no header", None),
                (b"", None),
            ],
        );
    }

    #[test]
    fn cookies_and_fields_are_found_by_their_names() {
        is(
            &Look::Cookie("sid".to_owned()),
            &[
                (b"a=b; sid=1=2; sid=3", Some("1=2")),
                (b"sid=\"quoted\"", Some("quoted")),
                (b"xsid=1", None),
                (b"sid", None),
                (b";;=;", None),
            ],
        );
        is(
            &Look::Field("q".to_owned()),
            &[
                (b"a=1&q=b+c%20d&q=2", Some("b c d")),
                (b"q", Some("")),
                (b"q=%zz%", Some("%zz%")),
                (b"", None),
            ],
        );
        is(
            &Look::Json(vec!["user".to_owned(), "0".to_owned(), "id".to_owned()]),
            &[
                (br#"{"user":[{"id":7}]}"#, Some("7")),
                (br#"{"user":[{"id":{"a":1}}]}"#, Some(r#"{"a":1}"#)),
                (br#"{"user":[{"id":null}]}"#, None),
                (br#"{"user":[]}"#, None),
                (b"{\"user\":", None),
            ],
        );
    }

    #[test]
    fn tokens_and_users_are_found_behind_their_scheme() {
        is(
            &Look::Bearer,
            &[(b"bearer  a.b", Some("a.b")), (b"Bearera", None), (b"Basic a", None), (b"", None)],
        );
        is(
            &Look::BasicUser,
            &[(b"Basic dXNlcjpwYXNz", Some("user")), (b"Basic dXNlcg==", None), (b"Basic ?", None)],
        );
    }

    #[test]
    fn a_host_has_no_port() {
        is(
            &Look::Host,
            &[
                (b"Example.com:443", Some("example.com")),
                (b"[::1]:80", Some("[::1]")),
                (b"[::1", Some("[::1")),
                (b"a", Some("a")),
            ],
        );
    }
}
