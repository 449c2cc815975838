//! Values that name another section: one that is not there is a finding.

use super::{
    from_node::{FromNode, quoted},
    group::Group,
    json,
    node::Node,
    reading::Reading,
    text::Text,
};
use crate::finding::{Finding, Place, suggestion};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $group:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// The name of the section.
            pub name: String,
            /// Where it is named.
            pub place: Place,
        }

        impl FromNode for $name {
            const NAME: &'static str = $what;

            fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
                let text = Text::from_node(node, reading)?;
                let name = text.as_str().to_owned();
                let is_there = reading.is_section(Group::$group, &name, text.place());
                is_there.then(|| Self { name, place: text.place() })
            }

            fn write(&self) -> String {
                quoted(&self.name)
            }

            fn schema() -> serde_json::Value {
                json::text()
            }
        }
    )*};
}

names! {
    /// The name of a `[data.NAME]`.
    DataName, Data, "the name of a `[data.NAME]`";
    /// The name of a `[service.NAME]`.
    ServiceName, Service, "the name of a `[service.NAME]`";
    /// The name of a `[handler.NAME]`.
    HandlerName, Handler, "the name of a `[handler.NAME]`";
}

/// The name of a key of `[secrets]`. A secret itself cannot stand in a file.
#[derive(Clone, Debug)]
pub struct SecretName {
    /// The key.
    pub name: String,
    /// Where it is named.
    pub place: Place,
}

impl FromNode for SecretName {
    const NAME: &'static str = "the name of a secret";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        let name = text.as_str().to_owned();
        let section = reading.document.section(Group::Secrets);
        let keys = section.map(|section| &section.table.entries[..]).unwrap_or_default();
        if keys.iter().any(|entry| entry.key.name == name) {
            return Some(Self { name, place: text.place() });
        }
        // What is no name may be the secret itself: it is not repeated.
        let known: Vec<_> = keys.iter().map(|entry| entry.key.name.as_str()).collect();
        let help = suggestion(&name, known);
        reading.findings.add(
            Finding::error("there is no secret of this name in `[secrets]`")
                .at_secret(node.place, "not a name in `[secrets]`")
                .help(help.unwrap_or_else(|| {
                    "write `[secrets]` with `NAME = { file = \"…\" }`, and NAME here; a secret \
                     itself never stands in a file"
                        .to_owned()
                })),
        );
        None
    }

    fn write(&self) -> String {
        quoted(&self.name)
    }

    fn schema() -> serde_json::Value {
        json::text()
    }
}
