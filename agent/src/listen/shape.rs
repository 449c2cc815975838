//! Shape: the arguments of a message without their values.

use spoa_actors::{MessageRef, spop::Arg};

/// The arguments of a message in their order, each with its name and its type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Shape(pub(super) Vec<(Vec<u8>, &'static str)>);

impl Shape {
    pub(super) fn of(message: &MessageRef<'_>) -> Self {
        let own = |Arg { name, value }: Arg<'_>| (name.to_vec(), value.type_name());
        Self(message.args().map(own).collect())
    }

    /// Whether a message has it.
    pub(super) fn is_of(&self, message: &MessageRef<'_>) -> bool {
        let mut own = self.0.iter();
        let is_same = message.args().all(|Arg { name, value }| {
            own.next()
                .is_some_and(|(known, type_name)| known == name && *type_name == value.type_name())
        });
        is_same && own.next().is_none()
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|(name, _)| name.len() + 40).sum::<usize>() + 40
    }
}
