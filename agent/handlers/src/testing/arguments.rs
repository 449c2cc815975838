//! The arguments of a case, as a message.

use spoa_actors::Message;

use super::given::{Given, TYPES};
use crate::{
    file::{FromNode, Node, Reading, Value},
    finding::{Finding, suggestion},
};

/// The most that SPOP allows.
const MOST: usize = 255;

/// The arguments of a case, in their order; those without a name have an empty one.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments(Vec<(String, Given)>);

impl Arguments {
    /// The message of this name with them.
    pub(super) fn message(&self, name: &str) -> Message {
        let empty = Message::new(name);
        self.0.iter().fold(empty, |message, (name, given)| message.arg(name, given.data()))
    }
}

impl FromNode for Arguments {
    const NAME: &'static str = "a table of arguments";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let form = "`{ ip = \"192.0.2.1\", path = \"/\" }`; `\"id:uint64\" = 7` has a type, and `\"$1\"` no name";
        let table = match &node.value {
            Value::Table(table) if table.entries.len() <= MOST => table,
            Value::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, form);
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| {
                let (name, given) = match entry.key.name.rsplit_once(':') {
                    Some((name, type_name)) => {
                        if !TYPES.contains(&type_name) {
                            let title = format!("`{type_name}` is not a type of SPOP");
                            let finding = Finding::error(title).at(entry.key.place, "not known");
                            let help = suggestion(type_name, TYPES.iter().copied());
                            reading.findings.add(finding.help(help.unwrap_or_default()));
                            return None;
                        }
                        (name, Given::typed(type_name, &entry.node))
                    }
                    None => (&*entry.key.name, Given::inferred(&entry.key.name, &entry.node)),
                };
                if given.is_none() && !matches!(entry.node.value, Value::Broken) {
                    let title = format!("`{}` has no value of its type", entry.key.name);
                    let finding =
                        Finding::error(title).at(entry.node.place, entry.node.value.description());
                    reading.findings.add(finding.help(format!("write {form}")));
                }
                Some((name.to_owned(), given?))
            })
            .collect();
        let mut arguments = read.into_iter().collect::<Option<Vec<_>>>()?;
        // Those without a name by their places, and with the empty name that they have in SPOP.
        let place = |name: &str| name.strip_prefix('$').and_then(|place| place.parse::<u8>().ok());
        arguments.sort_by_key(|(name, _)| place(name).unwrap_or_default());
        for (name, _) in &mut arguments {
            if place(name).is_some() {
                name.clear();
            }
        }
        Some(Self(arguments))
    }

    fn write(&self) -> String {
        String::new()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object" })
    }
}
