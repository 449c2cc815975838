//! Rustdoc and help: what a developer reads in the packages, and an operator at the command line, has the words of
//! the pages.

use std::fs;
use std::path::{Path, PathBuf};

use spoa_integration::built;
use tokio::process::Command;

use super::page::repository;
use super::prose::{Words, of_everyone, stumbled_over};

/// The packages whose public items are read.
const PACKAGES: [&str; 2] = ["actors/src", "agent/src"];

/// Words that are fine on a page and not here, and what to write.
const WORDS: [(&str, &str); 10] = [
    ("whoever", "the peer, the client, the caller"),
    ("somebody", "the peer, the client, the caller"),
    ("nobody", "no peer, no client, no caller"),
    ("so many", "this number of"),
    ("anew", "again"),
    ("says whether", "returns whether"),
    ("comes back", "recovers"),
    ("is due", "is expected"),
    ("must be told", "needs"),
    ("a word", "an error, a log line"),
];

fn words() -> Words {
    // *Arbiter* is the library's word.
    of_everyone().filter(|(word, _)| *word != "arbiter").chain(WORDS).collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The public documentation in a file, without its code: `//!`, and `///` of items that are `pub`, and of the
/// variants and methods of an enum or trait that is.
fn documentation(source: &str) -> Vec<&str> {
    let (mut public, mut block) = (Vec::new(), Vec::new());
    let (mut is_code, mut is_in_public) = (false, false);
    for line in source.lines() {
        let text = line.trim_start();
        let is_of_file = text.starts_with("//!");
        if let Some(text) = text.strip_prefix("///").or_else(|| text.strip_prefix("//!")) {
            if text.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                if is_of_file { &mut public } else { &mut block }.push(text.trim());
            }
            continue;
        }
        if text.starts_with('#') {
            continue;
        }
        if text == line && !line.is_empty() {
            is_in_public = line.starts_with("pub enum ") || line.starts_with("pub trait ");
        }
        if text.starts_with("pub ") || is_in_public {
            public.append(&mut block);
        }
        block.clear();
    }
    public
}

#[test]
fn the_public_items_of_the_packages_are_described_in_plain_english() {
    let (words, mut files) = (words(), Vec::new());
    for package in PACKAGES {
        sources(&repository().join(package), &mut files);
    }
    files.sort();
    let faults = files.iter().flat_map(|path| {
        let source = fs::read_to_string(path).unwrap();
        let lines = documentation(&source).into_iter();
        let faults: Vec<_> = lines.flat_map(|line| stumbled_over(line, &words)).collect();
        faults.into_iter().map(|fault| format!("{}: {fault}", path.display()))
    });
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test]
async fn the_help_of_every_command_is_in_plain_english() {
    let words: Words = of_everyone().chain(WORDS).collect();
    let program = built("spoa-agent", "spoa-agent").await.unwrap();
    for command in ["--help", "run --help", "call --help", "load --help", "healthcheck --help"] {
        let output = Command::new(&program).args(command.split(' ')).output().await.unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Usage: "), "{help}");
        let faults: Vec<_> = help.lines().flat_map(|line| stumbled_over(line, &words)).collect();
        assert_eq!(faults, Vec::<String>::new(), "{command}");
    }
}

#[test]
fn documentation_is_what_is_public() {
    let source = "//! File.\n\n/// Private.\nstruct A;\n\n/// Public.\n///\n/// ```\n/// code\n/// ```\n\
                  #[derive(Debug)]\npub enum B {\n    /// Variant.\n    C,\n}\n\nimpl B {\n    /// Method.\n    \
                  #[must_use]\n    pub fn d(&self) {\n        // Comment.\n    }\n\n    /// Crate.\n    \
                  pub(crate) fn e(&self) {}\n}\n";
    assert_eq!(documentation(source), ["File.", "Public.", "", "Variant.", "Method."]);
}
