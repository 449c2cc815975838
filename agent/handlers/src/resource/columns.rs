//! Columns of CSV and JSON, and what stands between those of CSV.

use std::collections::BTreeMap;

use crate::{
    file::{FromNode, Node, Reading, Text, Value},
    finding::Finding,
    table::CellType,
};

/// What stands between columns: one ASCII character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Delimiter(pub(super) u8);

impl FromNode for Delimiter {
    const NAME: &'static str = "one character";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        match text.as_str().as_bytes() {
            [one] if one.is_ascii() && !b"\"#\r\n\0".contains(one) => Some(Self(*one)),
            _ => {
                let title = format!("`{}` cannot stand between columns", text.as_str());
                let finding = Finding::error(title).at(node.place, "not one character");
                reading
                    .findings
                    .add(finding.help("write one ASCII character, such as `\";\"` or `\"\\t\"`"));
                None
            }
        }
    }

    fn write(&self) -> String {
        String::from(char::from(self.0)).write()
    }
}

words! {
    /// The type of a column.
    pub(super) enum ColumnType, "a type of a column" {
        /// A text.
        Text = "text",
        /// A whole number.
        Int = "int",
        /// A number with a fraction.
        Double = "double",
        /// `true` or `false`.
        Bool = "bool",
    }
}

/// The columns that are read, with their types where they are said.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) types: BTreeMap<String, CellType>,
}

impl FromNode for Columns {
    const NAME: &'static str = "columns, or a table with their types";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        match &node.value {
            Value::Array(nodes) => {
                let names: Vec<_> =
                    nodes.iter().map(|node| String::from_node(node, reading)).collect();
                let names = names.into_iter().collect::<Option<_>>()?;
                Some(Self { names, types: BTreeMap::new() })
            }
            Value::Table(table) => {
                let read: Vec<_> = table
                    .entries
                    .iter()
                    .map(|entry| {
                        let own = ColumnType::from_node(&entry.node, reading)?;
                        Some((entry.key.name.clone(), own.cell_type()))
                    })
                    .collect();
                let types = read.into_iter().collect::<Option<BTreeMap<_, _>>>()?;
                let names = table.entries.iter().map(|entry| entry.key.name.clone()).collect();
                Some(Self { names, types })
            }
            Value::Broken => None,
            _ => {
                reading.unexpected(node, Self::NAME, "`{ plan = \"text\", limit = \"int\" }`");
                None
            }
        }
    }

    fn write(&self) -> String {
        let written = self.names.iter().map(|name| match self.types.get(name) {
            Some(own) => format!("{} = \"{own}\"", name.write()),
            None => name.write(),
        });
        let written = written.collect::<Vec<_>>().join(", ");
        if self.types.is_empty() { format!("[{written}]") } else { format!("{{ {written} }}") }
    }
}

impl ColumnType {
    fn cell_type(self) -> CellType {
        match self {
            Self::Text => CellType::Text,
            Self::Int => CellType::Integer,
            Self::Double => CellType::Decimal,
            Self::Bool => CellType::Boolean,
        }
    }
}
