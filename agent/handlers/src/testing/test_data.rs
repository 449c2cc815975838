//! The data of a test, in place of that of the file.

use crate::{
    file::{FromNode, Group, Key, Node, Reading, Table, Value},
    finding::Finding,
    resource::{FixedEntry, Resources},
    table::Cell,
};

/// Data sets by their names, each with its entries.
#[derive(Clone, Debug, Default)]
pub(super) struct TestData(Vec<(Key, Vec<Entry>)>);

/// An entry, and the key in the file.
#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    fixed: FixedEntry,
}

const FORM: &str = "`{ geo = { \"203.0.113.0/24\" = { country = \"AT\" } } }`";

impl FromNode for TestData {
    const NAME: &'static str = "a table of data sets";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let table = table(node, Self::NAME, reading)?;
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|set| {
                let is_there = reading.is_section(Group::Data, &set.key.name, set.key.place);
                let entries = entries(&set.node, reading)?;
                is_there.then(|| (set.key.clone(), entries))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        String::new()
    }

    fn schema() -> serde_json::Value {
        let row = serde_json::json!({ "type": "object" });
        let set = serde_json::json!({ "type": "object", "additionalProperties": row });
        serde_json::json!({ "type": "object", "additionalProperties": set })
    }
}

impl TestData {
    /// The data and secrets of the file with these data sets in place of its own; what cannot be in them is a
    /// finding.
    pub(super) fn resources(&self, of: &Resources, reading: &mut Reading<'_>) -> Option<Resources> {
        let mut resources = of.for_test();
        let mut is_right = true;
        for (name, entries) in &self.0 {
            let fixed: Vec<_> = entries.iter().map(|entry| entry.fixed.clone()).collect();
            let Err(error) = resources.replace_data(&name.name, &fixed) else { continue };
            is_right = false;
            let is_it = |entry: &&Entry| error.starts_with(&format!("`{}`", entry.key.name));
            let place = entries.iter().find(is_it).map_or(name.place, |entry| entry.key.place);
            reading.findings.add(Finding::error(error).at(place, "not an entry of this data"));
        }
        is_right.then_some(resources)
    }
}

fn table<'n>(node: &'n Node, expected: &str, reading: &mut Reading<'_>) -> Option<&'n Table> {
    match &node.value {
        Value::Table(table) => Some(table),
        Value::Broken => None,
        _ => {
            reading.unexpected(node, expected, FORM);
            None
        }
    }
}

/// The entries of a data set.
fn entries(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<Entry>> {
    let set = table(node, "a table of entries by their keys", reading)?;
    let read: Vec<_> = set
        .entries
        .iter()
        .map(|entry| {
            let mut values = Vec::new();
            let row = table(&entry.node, "a table of values", reading)?;
            flatten("", row, &mut values, reading)?;
            let fixed = FixedEntry { key: entry.key.name.clone(), values };
            Some(Entry { key: entry.key.clone(), fixed })
        })
        .collect();
    read.into_iter().collect()
}

/// The values of a row: those of a table in it have its name and a point in front of theirs.
fn flatten(
    prefix: &str,
    row: &Table,
    values: &mut Vec<(String, Cell)>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    for own in &row.entries {
        let name = format!("{prefix}{}", own.key.name);
        match &own.node.value {
            Value::Table(inner) => flatten(&format!("{name}."), inner, values, reading)?,
            _ => values.push((name, cell(&own.node, reading)?)),
        }
    }
    Some(())
}

/// A value; the texts of a list with commas between them.
fn cell(node: &Node, reading: &mut Reading<'_>) -> Option<Cell> {
    Some(match &node.value {
        Value::Text(text) => Cell::from(text.as_str()),
        Value::Integer(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Decimal(*value),
        Value::Boolean(value) => Cell::Boolean(*value),
        Value::Array(_) => {
            let texts = crate::file::List::<String>::from_node(node, reading)?.0;
            Cell::from(&*texts.join(","))
        }
        Value::Broken => return None,
        Value::Table(_) | Value::Datetime => {
            reading.unexpected(node, "a value", "a text, a number, a boolean or a list of texts");
            return None;
        }
    })
}
