//! What holds for any file.

use std::path::Path;

use proptest::prelude::*;
use spoa_handlers::{
    configuration::Configuration,
    file::{Value, load_text},
    finding::Report,
};

use crate::{broken_files::environment, sample_kinds};

/// What files are made of.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    " ",
    "\t",
    "#",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\u00e9",
    "\\\n",
    "${",
    "${PORT}",
    "${NOPE}",
    "${NOPE:-a}",
    "$${",
    "}",
    "agent",
    "listen.a",
    "handler.a",
    "message.m",
    "secrets",
    "test",
    "include",
    "deadline",
    "run",
    "kind",
    "rate-limit",
    "key",
    "rate",
    "tcp",
    "\"1s\"",
    "10",
    "1e9",
    "true",
    "a",
    "é",
    "\u{1b}[2J",
    "\u{202e}",
    "\0",
    "2026-01-01",
    "[agent]\n",
    "[handler.a]\nkind = \"rate-limit\"\n",
    "deadline = \"1s\"\n",
    "run = [\"a\"]\n",
    "99999999999999999999",
    "日本",
];

fn files() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_file_is_read_to_its_end(text in files()) {
        let mut loaded = load_text(Path::new("any.toml"), &text, &environment);
        drop(Configuration::read(&mut loaded));
        sample_kinds::read(&mut loaded);
        let report = Report::new(&loaded.findings, &loaded.sources).to_string();
        let moves = |letter: char| letter.is_control() && letter != '\n';
        prop_assert_eq!(report.find(moves), None, "{:?}", report);
        for finding in loaded.findings.sorted() {
            prop_assert!(!finding.title().is_empty());
            let span = finding.place().map(|place| place.span());
            prop_assert!(span.is_none_or(|span| span.start <= span.end && span.end <= text.len()));
        }
        // What is no TOML is never silent.
        let is_toml = toml::de::DeTable::parse(&text).is_ok();
        prop_assert!(is_toml || loaded.findings.errors() > 0);
    }

    #[test]
    fn every_letter_of_a_text_has_its_place(
        letters in prop::collection::vec((any::<char>(), 0..4_u8), 0..40),
        is_multiline in any::<bool>(),
    ) {
        let quotes = if is_multiline { "\"\"\"" } else { "\"" };
        let mut raw = format!("[log]\nfilter = {quotes}");
        let mut expected = String::new();
        let mut places = Vec::new();
        for (letter, form) in letters.into_iter().filter(|(letter, _)| *letter != '$') {
            let written = match form {
                0 if !letter.is_control() && !"\"\\".contains(letter) => letter.to_string(),
                1 if u32::from(letter) < 0x1_0000 => format!("\\u{:04x}", u32::from(letter)),
                2 if is_multiline => format!("\\ \n\t \\U{:08X}", u32::from(letter)),
                3 if letter == '\n' => "\\n".to_owned(),
                _ => format!("\\U{:08x}", u32::from(letter)),
            };
            let skipped = written.find("\\U").filter(|_| form == 2 && is_multiline).unwrap_or(0);
            places.push((expected.len()..expected.len() + letter.len_utf8(), raw.len() + skipped..raw.len() + written.len()));
            raw.push_str(&written);
            expected.push(letter);
        }
        raw.push_str(quotes);
        let loaded = load_text(Path::new("any.toml"), &raw, &environment);
        prop_assert!(loaded.findings.is_empty(), "{}", Report::new(&loaded.findings, &loaded.sources));
        let section = loaded.document.section(spoa_handlers::file::Group::Log).unwrap();
        let Value::Text(text) = &section.table.get("filter").unwrap().node.value else {
            panic!("no text");
        };
        prop_assert_eq!(text.as_str(), &expected);
        for (own, place) in places {
            let found = text.place_of(own).span();
            // What continues a line belongs to the letter behind it, or to the one in front of it.
            prop_assert_eq!(found.start, place.start);
            prop_assert!(found.end >= place.end);
        }
    }
}
