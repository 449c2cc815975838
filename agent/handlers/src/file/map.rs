//! Values by names that the file chooses.

use super::{
    from_node::{FromNode, quoted},
    node::{Node, Value},
    reading::Reading,
};

/// Values by their names, in the order of the file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Map<T>(pub Vec<(String, T)>);

impl<T: FromNode> FromNode for Map<T> {
    const NAME: &'static str = "a table";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            if !matches!(node.value, Value::Broken) {
                reading.unexpected(node, Self::NAME, "`{ NAME = … }`");
            }
            return None;
        };
        // All of them, also behind one that is none.
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| Some((entry.key.name.clone(), T::from_node(&entry.node, reading)?)))
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn write(&self) -> String {
        let written =
            self.0.iter().map(|(name, value)| format!("{} = {}", quoted(name), value.write()));
        format!("{{ {} }}", written.collect::<Vec<_>>().join(", "))
    }
}
