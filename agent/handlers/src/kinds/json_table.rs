//! A table of the file as it is, in JSON.

use serde_json::{Map, Value as Json};

use crate::{
    file::{FromNode, Node, Reading, Value, json_of_node},
    finding::Finding,
};

/// A table of the file, in JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct JsonTable(pub(super) Map<String, Json>);

impl FromNode for JsonTable {
    const NAME: &'static str = "a table";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        match (&node.value, json_of_node(node)) {
            (Value::Broken, _) => None,
            (Value::Table(_), Some(Json::Object(table))) => Some(Self(table)),
            (Value::Table(_), _) => {
                let finding = Finding::error("a table has a value that JSON does not have")
                    .at(node.place, "not JSON")
                    .help("write dates as texts");
                reading.findings.add(finding);
                None
            }
            _ => {
                reading.unexpected(node, Self::NAME, "`{ name = \"value\" }`");
                None
            }
        }
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|(key, value)| format!("{key} = {value}"));
        match written.collect::<Vec<_>>() {
            none if none.is_empty() => "{}".to_owned(),
            written => format!("{{ {} }}", written.join(", ")),
        }
    }
}
