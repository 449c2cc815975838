//! JSON: a value as one line, in which a terminal finds nothing to obey.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};
use spoa_actors::ForeignText;

/// Writes a value as compact JSON. What [`ForeignText`] would escape is escaped as JSON does it.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn write(
    out: impl io::Write,
    value: &(impl Serialize + ?Sized),
) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Plain))
}

/// JSON itself asks for escapes below U+0020 only.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|character| !ForeignText::is_plain(character)) {
            let (plain, behind) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut characters = behind.chars();
            if let Some(character) = characters.next() {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, value).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_written_is_plain_and_read_as_it_was() {
        let hostile =
            "\n\u{7f}\u{85}\u{9b}2J\u{202e}\u{2028}\u{feff}\u{e0041} \"\\ caf\u{e9} \u{1f980}";
        let json = written(hostile);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
        assert!(json.chars().all(ForeignText::is_plain), "{json}");
        assert!(json.contains(r"\u202e") && json.contains("caf\u{e9} \u{1f980}"), "{json}");
        assert_eq!(written(""), "\"\"");
    }
}
