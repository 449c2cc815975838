//! What a value is read with: the other sections, the files, and the findings so far.

use super::{document::Document, group::Group, node::Node, text::Text};
use crate::finding::{Finding, Findings, Place, Sources, suggestion};

/// What a value is read with.
pub struct Reading<'a> {
    /// All sections, for those that a value names.
    pub document: &'a Document,
    /// The files, for paths that are relative to them.
    pub sources: &'a Sources,
    /// What is wrong.
    pub findings: &'a mut Findings,
}

impl Reading<'_> {
    /// Reports that a value is something else than it has to be.
    pub fn unexpected(&mut self, node: &Node, expected: &str, form: &str) {
        let title = format!("expected {expected}");
        let finding = Finding::error(title).at(node.place, node.value.description());
        self.findings.add(finding.help(format!("write {form}")));
    }

    /// Reports a word that is none of those that there are.
    pub fn unknown_word<T>(&mut self, text: &Text, what: &str, words: &[&str]) -> Option<T> {
        let title = format!("`{}` is not {what}", text.as_str());
        let finding = Finding::error(title).at(text.place(), "not known");
        self.findings.add(match suggestion(text.as_str(), words.iter().copied()) {
            Some(help) => finding.help(help),
            None => finding,
        });
        None
    }

    /// Whether there is a section of this name; reports it if not.
    pub fn is_section(&mut self, group: Group, name: &str, place: Place) -> bool {
        let document = self.document;
        if document.has(group, name) {
            return true;
        }
        let finding = Finding::error(format!("there is no `[{}.{name}]`", group.name()))
            .at(place, "not defined");
        let mut known: Vec<_> = document.names(group).collect();
        known.sort_unstable();
        self.findings.add(match suggestion(name, known) {
            Some(help) => finding.help(help),
            None => finding.help(format!("write a section `[{}.{name}]`", group.name())),
        });
        false
    }
}
