//! What a handler sees: the message, and what those before it found.

use std::{borrow::Cow, net::IpAddr};

use spoa_actors::MessageRef;

use super::chain_names::{Place, place};
use crate::{
    expression::{Slot, Value, Variables},
    input::Input,
};

/// What a handler sees.
#[derive(Clone, Copy)]
pub struct View<'a, 'c> {
    message: MessageRef<'a>,
    inputs: &'a [Input],
    found: &'a [Option<Value<'c>>],
}

impl<'a, 'c> View<'a, 'c> {
    pub(super) fn new(
        message: MessageRef<'a>,
        inputs: &'a [Input],
        found: &'a [Option<Value<'c>>],
    ) -> Self {
        Self { message, inputs, found }
    }

    /// The message as it came.
    #[must_use]
    pub fn message(&self) -> &MessageRef<'a> {
        &self.message
    }

    /// A value as an address; nothing if it is not there, or none.
    #[must_use]
    pub fn ip(&self, slot: Slot) -> Option<IpAddr> {
        match self.get(slot)? {
            Value::Ip(ip) => Some(ip),
            _ => None,
        }
    }

    /// A value as a text; nothing if it is not there, or none.
    #[must_use]
    pub fn text(&self, slot: Slot) -> Option<Cow<'_, str>> {
        match self.get(slot)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A value as bytes; nothing if it is not there, or none.
    #[must_use]
    pub fn bytes(&self, slot: Slot) -> Option<Cow<'_, [u8]>> {
        match self.get(slot)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Variables for View<'_, '_> {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        match place(slot) {
            Place::Input(at) => self.inputs.get(at)?.value(&self.message),
            Place::Found(at) => self.found.get(at)?.as_ref().map(Value::borrow),
        }
    }
}
