//! The page of a kind: what `spoa-agent kinds KIND` prints, and what the book has.

use std::fmt;

use super::{description::Description, setting::Setting};

/// Characters of a line.
const WIDTH: usize = 100;

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# {}\n\n{}\n\n```toml\n{}\n```",
            self.name,
            filled(self.summary),
            self.example.trim()
        )?;
        table(f, "Arguments", ["name", "type", "HAProxy", "meaning"], self.arguments, |one| {
            [code(one.name), one.value_type.to_string(), code(one.fetch), one.doc.to_owned()]
        })?;
        table(f, "Variables", ["name", "type", "meaning"], self.variables, |one| {
            let value_type = one.value_type.to_string();
            let own = if one.is_list { format!("list of {value_type}") } else { value_type };
            [code(one.name), own, with_words(one.doc, one.words)]
        })?;
        table(f, "Reasons", ["word", "meaning"], self.reasons, |one| {
            [code(one.word), one.doc.to_owned()]
        })?;
        write!(f, "{}", SettingsTable("Settings", self.settings))
    }
}

/// A table of settings below its title; nothing if there are none.
#[derive(Clone, Copy, Debug)]
pub struct SettingsTable<'s>(pub &'s str, pub &'s [Setting]);

impl fmt::Display for SettingsTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(title, settings) = self;
        table(f, title, ["key", "value", "default", "meaning"], settings, |one| {
            [code(one.name), one.value.to_owned(), default(one), with_words(one.doc, one.words)]
        })
    }
}

fn table<T, const N: usize>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    heads: [&str; N],
    rows: &[T],
    cells: impl Fn(&T) -> [String; N],
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n## {title}\n\n| {} |\n|{}", heads.join(" | "), "---|".repeat(N))?;
    rows.iter().try_for_each(|row| {
        let cells = cells(row).map(|cell| cell.replace('|', "\\|"));
        writeln!(f, "| {} |", cells.join(" | "))
    })
}

/// A sentence in lines that a page of the book may have.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width + 1 + length > WIDTH {
            filled.push('\n');
            width = 0;
        } else if width > 0 {
            filled.push(' ');
            width += 1;
        }
        filled.push_str(word);
        width += length;
    }
    filled
}

fn default(setting: &Setting) -> String {
    match setting.default() {
        Some(default) => code(&default),
        None if setting.is_needed => "needed".to_owned(),
        None => "none".to_owned(),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn with_words(doc: &str, words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| code(word)).collect();
    match words.split_last() {
        None => doc.to_owned(),
        Some((last, rest)) => format!("{doc} {} or {last}", rest.join(", ")),
    }
}
