//! Foreign text: text from a peer, a client or a collector as one safe line.
//!
//! Message names, headers and answers of the collector are bytes that reach a log or a terminal. A
//! newline there would forge a line, an escape sequence could change the terminal, and 6 MB are too
//! long.

use std::fmt::{self, Write};

/// Shows text from a peer or a client as one line that is safe to log and to print.
///
/// Characters that end a line, move the cursor or change the direction of writing are escaped as in
/// Rust: `\n`, `\u{1b}`, `\u{202e}`. Bytes that are not UTF-8 are escaped as `\xff`. Long text is
/// truncated, and the line shows how many bytes there were.
///
/// `Debug` puts the text in quotes, and escapes quotes within it.
///
/// ```
/// use spoa_actors::ForeignText;
///
/// let name = b"bob\n2026-01-01 ERROR all is lost";
/// let error = format!("no user {:?}", ForeignText::new(name));
/// assert_eq!(error, r#"no user "bob\n2026-01-01 ERROR all is lost""#);
/// ```
#[derive(Clone, Copy)]
pub struct ForeignText<'a> {
    source: Source<'a>,
    limit: usize,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Words(&'a dyn fmt::Display),
}

impl<'a> ForeignText<'a> {
    /// How many bytes of a name or a value are shown, unless you set another limit with
    /// [`up_to`](Self::up_to).
    pub const LIMIT: usize = 256;
    /// How many bytes of an error are shown.
    pub const LIMIT_OF_WORDS: usize = 1024;

    /// Shows raw bytes. A backslash is escaped too, so that two different texts never look the
    /// same.
    #[must_use]
    pub fn new(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { source: Source::Bytes(bytes.as_ref()), limit: Self::LIMIT }
    }

    /// Shows an error, or anything else that can quote foreign text. Backslashes stay: most are
    /// part of an escape in the error's own text, and text can pass here twice.
    #[must_use]
    pub fn of(words: &'a dyn fmt::Display) -> Self {
        Self { source: Source::Words(words), limit: Self::LIMIT_OF_WORDS }
    }

    /// Shows up to `limit` bytes.
    #[must_use]
    pub fn up_to(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Whether a character is shown unchanged: printable ones are, control and format characters
    /// are not.
    #[must_use]
    pub fn is_plain(character: char) -> bool {
        match character {
            '"' | '\'' | '\\' | ' '..='~' => true,
            _ => character.escape_debug().len() == 1,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, is_quoted: bool) -> fmt::Result {
        let is_exact = is_quoted || matches!(self.source, Source::Bytes(_));
        let mut line = Line { out: f, room: Some(self.limit), length: 0, is_quoted, is_exact };
        if is_quoted {
            line.out.write_char('"')?;
        }
        match self.source {
            Source::Bytes(bytes) => line.take_bytes(bytes)?,
            // If a `Display` fails midway, what it has written is shown.
            Source::Words(words) => drop(write!(line, "{words}")),
        }
        line.end()
    }
}

impl fmt::Display for ForeignText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

impl fmt::Debug for ForeignText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, true)
    }
}

/// Escapes what is written to it, up to a limit.
struct Line<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    /// How many bytes can still be shown; `None` after the first text that did not fit.
    room: Option<usize>,
    /// How many bytes were written, shown or not.
    length: usize,
    is_quoted: bool,
    /// Whether a backslash is escaped.
    is_exact: bool,
}

impl Line<'_, '_> {
    fn take_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for chunk in bytes.utf8_chunks() {
            if self.room.is_none() {
                break;
            }
            self.write_str(chunk.valid())?;
            chunk
                .invalid()
                .iter()
                .try_for_each(|byte| self.show(&format_args!("\\x{byte:02x}"), 4))?;
        }
        // All of them, shown or not, so that the reader sees how much is missing.
        self.length = bytes.len();
        Ok(())
    }

    /// Shows the text, if its bytes fit.
    fn show(&mut self, text: &dyn fmt::Display, width: usize) -> fmt::Result {
        // An escape is shown complete or not at all: half of one would mean something else.
        self.room = self.room.and_then(|room| room.checked_sub(width));
        self.room.map_or(Ok(()), |_| self.out.write_fmt(format_args!("{text}")))
    }

    fn escapes(&self, character: char) -> bool {
        match character {
            '"' => self.is_quoted,
            '\\' => self.is_exact,
            _ => !ForeignText::is_plain(character),
        }
    }

    fn end(self) -> fmt::Result {
        if self.is_quoted {
            self.out.write_char('"')?;
        }
        match self.room {
            Some(_) => Ok(()),
            None => write!(self.out, "… ({} bytes)", self.length),
        }
    }
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.length += text.len();
        for character in text.chars() {
            if self.room.is_none() {
                break;
            }
            if self.escapes(character) {
                let escape = character.escape_debug();
                self.show(&escape, escape.len())?;
            } else {
                self.show(&character, character.len_utf8())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that has quoted a text of somebody else.
    struct Quoting(&'static str);

    impl fmt::Display for Quoting {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "no user {}", self.0)
        }
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        for text in ["", "it's \"a\" b", "caf\u{e9}, \u{4e2d}\u{6587}, \u{1f980}"] {
            assert_eq!(ForeignText::new(text).to_string(), text);
            assert_eq!(ForeignText::of(&text).to_string(), text);
        }
        assert_eq!(format!("{:?}", ForeignText::new("it's \"a\"")), r#""it's \"a\"""#);
    }

    #[test]
    fn nothing_ends_the_line_or_moves_a_cursor() {
        let hostile = [
            ("\n\r\t\0", r"\n\r\t\0"),
            ("\u{1b}[2J\u{7f}\u{9b}2J\u{85}", r"\u{1b}[2J\u{7f}\u{9b}2J\u{85}"),
            ("\u{200e}\u{200f}\u{61c}", r"\u{200e}\u{200f}\u{61c}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r"\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("\u{2028}\u{2029}\u{feff}\u{ad}", r"\u{2028}\u{2029}\u{feff}\u{ad}"),
            ("\u{e0041}\u{e000}\u{301}", r"\u{e0041}\u{e000}\u{301}"),
        ];
        for (text, shown) in hostile {
            assert_eq!(ForeignText::new(text).to_string(), shown);
            assert_eq!(ForeignText::of(&text).to_string(), shown);
            assert_eq!(format!("{:?}", ForeignText::new(text)), format!("\"{shown}\""));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_from_text_that_looks_like_them() {
        assert_eq!(ForeignText::new(b"\xff\xc3(").to_string(), r"\xff\xc3(");
        assert_eq!(ForeignText::new(r"\xff").to_string(), r"\\xff");
    }

    #[test]
    fn what_an_error_says_is_the_same_when_it_is_said_twice() {
        let once = ForeignText::of(&Quoting("\"a\\n\"\n")).to_string();
        assert_eq!(once, r#"no user "a\n"\n"#);
        assert_eq!(ForeignText::of(&once).to_string(), once);
    }

    #[test]
    fn a_long_text_says_how_long_it_is() {
        let fits = "a".repeat(ForeignText::LIMIT);
        assert_eq!(ForeignText::new(&fits).to_string(), fits);
        assert_eq!(
            ForeignText::new(&format!("{fits}bc")).to_string(),
            format!("{fits}… (258 bytes)")
        );
        assert_eq!(
            ForeignText::of(&format!("{fits}b")).up_to(256).to_string(),
            format!("{fits}… (257 bytes)")
        );
        assert_eq!(format!("{:?}", ForeignText::new("abc").up_to(2)), "\"ab\"… (3 bytes)");
        // No escape and no character is cut in two, and nothing follows what did not fit.
        assert_eq!(ForeignText::new("a\nb").up_to(2).to_string(), "a… (3 bytes)");
        assert_eq!(ForeignText::new("\u{e9}b").up_to(1).to_string(), "… (3 bytes)");
        assert_eq!(ForeignText::new(b"\xffb").up_to(3).to_string(), "… (2 bytes)");
        assert_eq!(
            ForeignText::new(&[0xff; 9_000_000]).to_string().len(),
            256 + "… (9000000 bytes)".len()
        );
    }

    #[test]
    fn words_that_fail_have_said_what_they_could() {
        struct Broken;
        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("so far")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(ForeignText::of(&Broken).to_string(), "so far");
    }
}
