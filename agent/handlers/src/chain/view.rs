//! What a handler sees: the message, and what those before it found.

use spoa_actors::MessageRef;

use super::arguments;
use crate::{
    expression::{Slot, Value, Variables},
    kind::WELL_KNOWN,
};

/// What a handler sees.
#[derive(Clone, Copy)]
pub struct View<'a, 'c> {
    message: MessageRef<'a>,
    found: &'a [Option<Value<'c>>],
}

impl<'a, 'c> View<'a, 'c> {
    pub(super) fn new(message: MessageRef<'a>, found: &'a [Option<Value<'c>>]) -> Self {
        Self { message, found }
    }

    /// The message as it came.
    #[must_use]
    pub fn message(&self) -> &MessageRef<'a> {
        &self.message
    }
}

impl Variables for View<'_, '_> {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        let at = slot.0 as usize;
        match WELL_KNOWN.get(at) {
            Some(argument) => arguments::value(&self.message, argument),
            None => self.found.get(at - WELL_KNOWN.len())?.as_ref().map(Value::borrow),
        }
    }
}
