//! serde over several messages of a NOTIFY: one field per message.

use std::slice;

use serde::{
    de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    ArgsError,
    deserializer::{MessageDeserializer, Name},
};
use crate::spop::MessageRef;

/// The messages as a map by their names.
pub(super) struct NotifyDeserializer<'a> {
    messages: &'a [MessageRef<'a>],
}

impl<'a> NotifyDeserializer<'a> {
    pub(super) fn new(messages: &'a [MessageRef<'a>]) -> Self {
        Self { messages }
    }
}

impl<'de> Deserializer<'de> for NotifyDeserializer<'de> {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        let map = MessageMap { messages: self.messages.iter(), value: None };
        visitor.visit_map(map).map_err(ArgsError::of_notify)
    }

    /// A handler without arguments ignores the messages.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_newtype_struct(self)
    }

    /// There is at least one message.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct MessageMap<'de> {
    messages: slice::Iter<'de, MessageRef<'de>>,
    /// The message whose name was read last.
    value: Option<MessageRef<'de>>,
}

impl<'de> MapAccess<'de> for MessageMap<'de> {
    type Error = ArgsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgsError> {
        self.value = self.messages.next().copied();
        self.value.map(|message| seed.deserialize(Name(message.name()))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ArgsError> {
        let message = self.value.ok_or_else(|| de::Error::custom("a value before its key"))?;
        seed.deserialize(Present(message))
            .map_err(|error: ArgsError| error.of_message(message.name()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.messages.len())
    }
}

/// A message that is there, whatever its arguments are.
struct Present<'a>(MessageRef<'a>);

impl<'de> Deserializer<'de> for Present<'de> {
    type Error = ArgsError;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_some(MessageDeserializer::new(self.0))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        MessageDeserializer::new(self.0).deserialize_any(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_newtype_struct(MessageDeserializer::new(self.0))
    }

    /// A message that the type does not name is skipped.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier
    }
}
