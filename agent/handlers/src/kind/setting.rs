//! A setting: its name, its type, its default and its documentation, declared once by `settings!`.

use serde_json::Value as Json;

use crate::{
    file::{FromNode, Node, Reading, TableReader, Value, json_of},
    finding::Finding,
};

/// A key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What is written there, with its article.
    pub value: &'static str,
    /// The words that may be written, if there are only some.
    pub words: &'static [&'static str],
    /// What it does.
    pub doc: &'static str,
    /// Whether the key has to be there.
    pub is_needed: bool,
    default: Option<fn() -> String>,
    schema: fn() -> Json,
}

impl Setting {
    #[doc(hidden)]
    #[must_use]
    pub const fn new<T: FromNode>(
        name: &'static str,
        default: Option<fn() -> String>,
        doc: &'static str,
    ) -> Self {
        let is_needed = T::IS_NEEDED && default.is_none();
        Self {
            name: key(name),
            value: T::NAME,
            words: T::WORDS,
            doc: doc.trim_ascii(),
            is_needed,
            default,
            schema: T::schema,
        }
    }

    /// What holds without the key, as it would stand in the file.
    #[must_use]
    pub fn default(&self) -> Option<String> {
        self.default.map(|default| default())
    }

    /// What may be written there, as a JSON schema with its documentation.
    #[must_use]
    pub fn schema(&self) -> Json {
        let mut schema = (self.schema)();
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), self.doc.into());
            if let Some(default) = self.default().and_then(|written| json_of(&written)) {
                schema.insert("default".to_owned(), default);
            }
        }
        schema
    }
}

/// The settings of a section, declared by [`settings!`](crate::settings).
pub trait Settings: Sized {
    /// Whose settings they are, for findings: `` `rate-limit` ``.
    const OWNER: &'static str;
    /// All of them, in the order in which they are shown.
    const SETTINGS: &'static [Setting];

    /// Reads all of them; those that are wrong are findings.
    fn read(table: &mut TableReader<'_>, reading: &mut Reading<'_>) -> Option<Self>;
}

/// The key that a field stands for: `if` for `r#if`.
#[doc(hidden)]
#[must_use]
pub const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Reads settings from a table in braces.
#[doc(hidden)]
pub fn from_table<S: Settings>(node: &Node, reading: &mut Reading<'_>) -> Option<S> {
    let table = match &node.value {
        Value::Table(table) => table,
        Value::Broken => return None,
        other => {
            let all = S::SETTINGS.iter().enumerate();
            let shown = all.filter(|(at, one)| one.is_needed || *at < 5);
            let mut names: Vec<_> = shown.map(|(_, one)| format!("{} = …", one.name)).collect();
            if names.len() < S::SETTINGS.len() {
                names.push("…".to_owned());
            }
            let finding = Finding::error(format!("{} is a table", S::OWNER))
                .at(node.place, other.description())
                .help(format!("write `{{ {} }}`", names.join(", ")));
            reading.findings.add(finding);
            return None;
        }
    };
    let mut table = TableReader::new(table, S::OWNER, node.place);
    let settings = S::read(&mut table, reading);
    table.finish(reading).then_some(settings).flatten()
}
