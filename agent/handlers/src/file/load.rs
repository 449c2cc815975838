//! A file and the files that it includes.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    document::Document,
    environment::Environment,
    node::{Entry, Node, Table, Value},
    syntax,
    text::Text,
};
use crate::finding::{Finding, Findings, Place, SourceId, Sources};

/// The largest file, in bytes: what is larger is data, and no configuration.
const LARGEST: u64 = 1 << 20;
/// How many files may be included.
const MOST_FILES: usize = 256;

/// What was read: also where there are findings, as far as it could be.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The sections.
    pub document: Document,
    /// The files.
    pub sources: Sources,
    /// What is wrong with them.
    pub findings: Findings,
}

/// Reads a file, and those that it includes.
#[must_use]
pub fn load(path: &Path, environment: &dyn Environment) -> Loaded {
    let mut loaded = Loaded::default();
    match loaded.read(path) {
        Ok(source) => loaded.take_root(source, environment),
        Err(error) => {
            // For the line that counts.
            loaded.sources.add(path, "");
            loaded.findings.add(
                Finding::error(format!("cannot read `{}`: {error}", path.display()))
                    .help("name a file that this user may read"),
            );
        }
    }
    loaded
}

/// Reads a text as if it stood in a file of this path.
#[must_use]
pub fn load_text(path: &Path, text: &str, environment: &dyn Environment) -> Loaded {
    let mut loaded = Loaded::default();
    let source = loaded.sources.add(path, text);
    loaded.take_root(source, environment);
    loaded
}

impl Loaded {
    fn take_root(&mut self, source: SourceId, environment: &dyn Environment) {
        let mut table = self.parse(source, environment);
        let include = take_include(&mut table);
        self.document.add(table, &mut self.findings);
        for (path, place) in include.map(|entry| self.included(&entry)).unwrap_or_default() {
            match self.read(&path) {
                Ok(source) => self.take_included(source, environment),
                Err(error) => {
                    let title = format!("cannot read `{}`: {error}", path.display());
                    self.findings.add(
                        Finding::error(title)
                            .at(place, "included here")
                            .help("name files that this user may read"),
                    );
                }
            }
        }
    }

    fn take_included(&mut self, source: SourceId, environment: &dyn Environment) {
        let mut table = self.parse(source, environment);
        if let Some(entry) = take_include(&mut table) {
            let first = self.sources.first_path().display();
            let help = format!("write it in `{first}`");
            self.findings.add(
                Finding::error("a file that is included includes no others")
                    .at(entry.key.place, "not here")
                    .help(help),
            );
        }
        self.document.add(table, &mut self.findings);
    }

    fn parse(&mut self, source: SourceId, environment: &dyn Environment) -> Table {
        syntax::parse(source, &self.sources, environment, &mut self.findings)
    }

    /// The files that `include` names, in the order of their names.
    fn included(&mut self, entry: &Entry) -> Vec<(PathBuf, Place)> {
        let Value::Array(nodes) = &entry.node.value else {
            self.no_list(&entry.node);
            return Vec::new();
        };
        let mut files = Vec::new();
        for node in nodes {
            match &node.value {
                Value::Text(text) => self.matching(text, &mut files),
                _ => self.no_list(node),
            }
        }
        if files.len() > MOST_FILES {
            self.findings.add(
                Finding::error(format!("`include` names {} files", files.len()))
                    .at(entry.node.place, format!("more than {MOST_FILES}"))
                    .help("put more sections into a file"),
            );
            files.truncate(MOST_FILES);
        }
        files
    }

    fn matching(&mut self, text: &Text, files: &mut Vec<(PathBuf, Place)>) {
        let place = text.place();
        let written = text.as_str();
        let mut fault = |title: String, label: &str, help: &str| {
            self.findings.add(Finding::error(title).at(place, label).help(help));
        };
        let folder = self.sources.resolve(place.source(), "");
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        let pattern = Path::new(&folder).join(written);
        match glob::glob(&pattern.to_string_lossy()) {
            Err(error) => {
                let help = "write `*` for any part of a name, and `[*]` for the character itself";
                fault(
                    format!("`{written}` is not a pattern: {}", error.msg),
                    "not a pattern",
                    help,
                );
            }
            Ok(matches) => {
                let before = files.len();
                for found in matches.flatten().filter(|path| path.is_file()) {
                    if !files.iter().any(|(known, _)| *known == found) {
                        files.push((found, place));
                    }
                }
                if files.len() == before && !written.contains(['*', '?', '[']) {
                    fault(
                        format!("there is no file `{written}`"),
                        "not there",
                        "create it, or remove its name; a pattern such as `conf.d/*.toml` may match nothing",
                    );
                }
            }
        }
    }

    fn no_list(&mut self, node: &Node) {
        if !matches!(node.value, Value::Broken) {
            self.findings.add(
                Finding::error("`include` is a list of files")
                    .at(node.place, node.value.description())
                    .help("write `include = [\"conf.d/*.toml\"]`"),
            );
        }
    }

    /// Adds a file to the sources; bytes that are no text are replaced, and reported.
    fn read(&mut self, path: &Path) -> io::Result<SourceId> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other("it has more than 1 MiB"));
        }
        let valid = std::str::from_utf8(&bytes).map_err(|error| error.valid_up_to());
        let source = self.sources.add(path, String::from_utf8_lossy(&bytes));
        if let Err(at) = valid {
            self.findings.add(
                Finding::error("the file is no UTF-8")
                    .at(Place::new(source, at..at + 1), "not UTF-8 from here on")
                    .help("save it as UTF-8"),
            );
        }
        Ok(source)
    }
}

fn take_include(table: &mut Table) -> Option<Entry> {
    let at = table.entries.iter().position(|entry| entry.key.name == "include")?;
    Some(table.entries.remove(at))
}
