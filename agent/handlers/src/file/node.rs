//! The tree of a file: every key and every value with its place, in the order of the file.

use super::text::Text;
use crate::finding::Place;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// All of it, with its quotes or brackets; of a section its header.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What stands behind a key.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text in quotes.
    Text(Text),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or a time.
    Datetime,
    /// Values in brackets, or sections in doubled ones.
    Array(Vec<Node>),
    /// Keys and values: a section, or a table in braces.
    Table(Table),
    /// What could not be read, and was reported: nothing that follows from it is worth a finding.
    Broken,
}

impl Value {
    /// What it is, with its article.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "a boolean",
            Self::Datetime => "a date or a time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Broken => "not readable",
        }
    }
}

/// Keys and values, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Each key stands once.
    pub entries: Vec<Entry>,
}

impl Table {
    /// The entry of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == key)
    }
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub node: Node,
}

/// A key and where it stands first.
#[derive(Clone, Debug)]
pub struct Key {
    /// Without quotes.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}
