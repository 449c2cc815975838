//! A table of values of one type, by their names.

use crate::file::{FromNode, Key, Node, Reading, Value};

/// Values of one type, by their names.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(Key, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: FromNode> FromNode for Named<T> {
    const NAME: &'static str = "a table of names";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let table = match &node.value {
            Value::Table(table) => table,
            Value::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, "`{ name = … }`");
                return None;
            }
        };
        let entries = table.entries.iter();
        let read: Vec<_> = entries
            .map(|entry| Some((entry.key.clone(), T::from_node(&entry.node, reading)?)))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        if self.0.is_empty() {
            return "{}".to_owned();
        }
        let written = self.0.iter().map(|(key, value)| format!("{} = {}", key.name, value.write()));
        format!("{{ {} }}", written.collect::<Vec<_>>().join(", "))
    }
}
