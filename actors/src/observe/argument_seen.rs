//! Argument seen: the name and the type of an argument, for people who compare configurations.

use crate::spop::{Arg, ForeignText, MessageRef, TypedData};

/// An argument as it was seen; its value is not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ArgumentSeen {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its type, as the specification calls it: `string`, `ipv4`, ….
    pub kind: &'static str,
    /// How many bytes a string or a binary had.
    pub length: Option<usize>,
}

impl ArgumentSeen {
    /// How many arguments of a message are kept.
    const MOST: usize = 64;
    /// How many bytes of a name are kept.
    const LONGEST: usize = 64;

    /// The first arguments of a message, in wire order.
    pub(super) fn all_of(message: &MessageRef<'_>) -> Vec<Self> {
        message.args().take(Self::MOST).map(|arg| Self::of(&arg)).collect()
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
