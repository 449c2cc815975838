//! Broken files, and what is said about them: `tests/broken/NAME.toml` beside `NAME.txt`, which is compared exactly.

use std::path::Path;

use spoa_handlers::{configuration::Configuration, file::load, finding::Report};

use crate::{sample_kinds, snapshots};

/// The environment of the tests.
pub(crate) fn environment(name: &str) -> Option<String> {
    let value = match name {
        "PORT" => "12345",
        "RATE" => "10/min",
        "WORD" => "seven",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.to_owned())
}

/// What is said about a file.
fn said(path: &Path) -> String {
    let mut loaded = load(path, &environment);
    drop(Configuration::read(&mut loaded));
    sample_kinds::read(&mut loaded);
    Report::new(&loaded.findings, &loaded.sources).to_string()
}

#[test]
fn a_broken_file_gets_exactly_what_stands_beside_it() {
    snapshots::compare("broken", 60, said);
}

#[test]
fn nothing_that_a_file_holds_reaches_the_terminal_as_it_is() {
    let hostile = "\u{1b}[2J\u{9b}\u{202e}\u{200b}\u{7}\u{2028}";
    let text = format!("[agent]\ndeadline = \"{hostile}\"\n\"{hostile}\" = 1\n[\"x{hostile}\"]\n");
    let path = format!("a{hostile}.toml");
    let mut loaded = spoa_handlers::file::load_text(Path::new(&path), &text, &environment);
    drop(Configuration::read(&mut loaded));
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    let moves =
        |letter: char| letter.is_control() && letter != '\n' || hostile[4..].contains(letter);
    assert_eq!(said.find(moves), None, "{said:?}");
    assert!(loaded.findings.errors() >= 3, "{said}");
}
