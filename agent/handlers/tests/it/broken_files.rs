//! Broken files, and what is said about them: `tests/broken/NAME.toml` beside `NAME.txt`, which is compared exactly.

use std::{collections::BTreeSet, fs, path::Path};

use spoa_handlers::{configuration::Configuration, file::load, finding::Report};

use crate::sample_kinds;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken"))
}

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

/// What is said about a file of the folder.
fn said(name: &str) -> String {
    let mut loaded = load(&folder().join(name), &environment);
    drop(Configuration::read(&mut loaded));
    sample_kinds::read(&mut loaded);
    let text = Report::new(&loaded.findings, &loaded.sources).to_string();
    text.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn a_broken_file_gets_exactly_what_stands_beside_it() {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let names = entries.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let names: BTreeSet<_> =
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let mut different = Vec::new();
    for name in &names {
        let expected = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap_or_default();
        let said = said(&format!("{name}.toml"));
        if said != expected || said.is_empty() {
            let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.txt"));
            fs::write(&actual, &said).unwrap();
            different.push(format!("{name}: see {}\n{said}", actual.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(names.len() >= 60, "only {} files", names.len());
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
