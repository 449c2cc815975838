//! Values of the file as JSON, and what they may be as a JSON schema: both are for editors.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::{
    node::{Node, Table, Value},
    syntax,
};
use crate::finding::{Findings, Sources};

/// What a value as it would stand in the file is in JSON; nothing if it is not TOML.
#[must_use]
pub fn json_of(written: &str) -> Option<Json> {
    let mut sources = Sources::default();
    let source = sources.add(Path::new(""), format!("value = {written}"));
    let mut findings = Findings::default();
    let table = syntax::parse(source, &sources, &|_: &str| None, &mut findings);
    json_of_node(&table.get("value")?.node)
}

/// What a value of the file is in JSON; nothing if JSON has no such value.
#[must_use]
pub fn json_of_node(node: &Node) -> Option<Json> {
    Some(match &node.value {
        Value::Text(text) => json!(text.as_str()),
        Value::Integer(integer) => json!(integer),
        Value::Float(float) => json!(float),
        Value::Boolean(boolean) => json!(boolean),
        Value::Array(nodes) => Json::Array(nodes.iter().map(json_of_node).collect::<Option<_>>()?),
        Value::Table(Table { entries }) => {
            let pair = |entry: &super::node::Entry| {
                Some((entry.key.name.clone(), json_of_node(&entry.node)?))
            };
            Json::Object(entries.iter().map(pair).collect::<Option<_>>()?)
        }
        Value::Datetime | Value::Broken => return None,
    })
}

/// The schema of a text.
pub(super) fn text() -> Json {
    json!({ "type": "string" })
}

/// The schema of a text of this form.
pub(super) fn pattern(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": format!(r"^{pattern}$|\$\{{") })
}

/// The schema of a value that is not a text; a variable of the environment in quotes can stand for it.
pub(super) fn or_interpolated(schema: &Json) -> Json {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{" }] })
}

/// The schema of a value that is one of these words.
#[must_use]
pub fn words(words: &[&str]) -> Json {
    or_interpolated(&json!({ "enum": words }))
}
