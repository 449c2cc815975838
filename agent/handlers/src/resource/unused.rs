//! Sections that nobody uses.

use crate::{
    file::{Document, Group, Node, Reading, Table, Value},
    finding::Finding,
};

/// Warns of data sets that no handler names.
pub(super) fn warn(reading: &mut Reading<'_>) {
    let document = reading.document;
    for section in document.sections(Group::Data) {
        let name = &section.name;
        if !is_named(document, &name.name) {
            let finding = Finding::warning(format!("no handler uses the data `{}`", name.name))
                .at(name.place, "not used")
                .help("name it in `data` of a `[handler.NAME]`, or remove it");
            reading.findings.add(finding);
        }
    }
}

/// Whether a handler names it, in whatever setting.
fn is_named(document: &Document, name: &str) -> bool {
    let groups = [Group::Handler, Group::Message].into_iter();
    let mut sections = groups.flat_map(|group| document.sections(group));
    sections.any(|section| table_names(&section.table, name))
}

fn table_names(table: &Table, name: &str) -> bool {
    table.entries.iter().any(|entry| names(&entry.node, name))
}

fn names(node: &Node, name: &str) -> bool {
    match &node.value {
        Value::Text(text) => text.as_str() == name,
        Value::Array(nodes) => nodes.iter().any(|node| names(node, name)),
        Value::Table(table) => table_names(table, name),
        _ => false,
    }
}
