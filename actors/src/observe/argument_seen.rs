//! Argument seen: the name and type of an argument, to compare with HAProxy's configuration.

use crate::spop::{Arg, ForeignText, MessageRef, TypedData};

/// An argument of a received message: its name and type. The value is not stored.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ArgumentSeen {
    /// The name; empty for an unnamed argument.
    pub name: String,
    /// The specification's name of the type: `string`, `ipv4`, ….
    pub kind: &'static str,
    /// The length of a string or a binary in bytes.
    pub length: Option<usize>,
}

impl ArgumentSeen {
    /// How many arguments of a message are stored.
    const MOST: usize = 64;
    /// How many bytes of a name are stored.
    const LONGEST: usize = 64;

    /// The first arguments of a message, in wire order. Of several messages, a name begins with that of its
    /// message: `check-client.ip`.
    pub(super) fn all_of(messages: &[MessageRef<'_>]) -> Vec<Self> {
        let all = messages.iter().flat_map(|message| {
            message.args().map(move |arg| match messages.len() {
                1 => Self::of(&arg),
                _ => Self::of(&arg).in_message(message),
            })
        });
        all.take(Self::MOST).collect()
    }

    fn in_message(self, message: &MessageRef<'_>) -> Self {
        let name = message.name();
        let name = ForeignText::new(name.get(..Self::LONGEST).unwrap_or(name)).to_string();
        Self { name: format!("{name}.{}", self.name), ..self }
    }

    fn of(arg: &Arg<'_>) -> Self {
        let name = arg.name.get(..Self::LONGEST).unwrap_or(arg.name);
        let length = match arg.value {
            TypedData::String(bytes) | TypedData::Binary(bytes) => Some(bytes.len()),
            _ => None,
        };
        Self { name: ForeignText::new(name).to_string(), kind: arg.value.type_name(), length }
    }
}
