//! A page, and what is in its fences.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of Markdown.
pub(super) struct Page {
    /// From the top of the repository on.
    pub(super) name: String,
    pub(super) text: String,
}

/// What is between two fences.
pub(super) struct Block<'a> {
    /// What stands behind the first of them, such as `rust,no_run`.
    pub(super) kind: &'a str,
    pub(super) lines: Vec<&'a str>,
}

pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// All pages, in the order of their names.
pub(super) fn all() -> Vec<Page> {
    let mut names = Vec::new();
    collect(&repository(), &mut names);
    let mut pages: Vec<_> = names.iter().map(|name| page(name)).collect();
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(pages.len() > 15, "{names:?}");
    pages
}

/// The page of this name.
pub(super) fn page(name: &str) -> Page {
    let text = fs::read_to_string(repository().join(name)).unwrap();
    Page { name: name.to_owned(), text }
}

fn collect(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "corpus" | ".git") {
                collect(&path, names);
            }
        } else if name.ends_with(".md") {
            let below = path.strip_prefix(repository()).unwrap();
            names.push(below.to_str().unwrap().to_owned());
        }
    }
}

impl Page {
    pub(super) fn folder(&self) -> PathBuf {
        repository().join(&self.name).parent().unwrap().to_owned()
    }

    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(kind), None) => open = Some(Block { kind: kind.trim(), lines: Vec::new() }),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => block.lines.push(line),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "a fence of {} is not closed", self.name);
        blocks
    }

    /// The lines that are in no fence.
    pub(super) fn prose(&self) -> Vec<&str> {
        let mut is_prose = true;
        let mut prose = Vec::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                is_prose = !is_prose;
            } else if is_prose {
                prose.push(line);
            }
        }
        prose
    }

    /// The first cells of its tables, for each line that has one in backticks.
    pub(super) fn first_cells(&self) -> Vec<String> {
        let cells = self.prose().into_iter().filter_map(|line| line.strip_prefix("| `"));
        cells.filter_map(|line| Some(line.split_once(" |")?.0.replace('`', ""))).collect()
    }
}
