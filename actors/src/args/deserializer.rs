//! serde straight from the frame: allocates only what the target type owns.

use std::iter;

use serde::{
    de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};

use super::{
    ArgsError,
    value::{SameName, Value},
};
use crate::spop::{Args, MessageRef, TypedData};

/// A message as a map of its arguments.
pub(super) struct MessageDeserializer<'a> {
    args: Args<'a>,
}

impl<'a> MessageDeserializer<'a> {
    #[inline]
    pub(super) fn new(message: MessageRef<'a>) -> Self {
        Self { args: message.args() }
    }
}

impl<'de> Deserializer<'de> for MessageDeserializer<'de> {
    type Error = ArgsError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_map(ArgMap { args: self.args, name: &[], gathered: Vec::new() })
    }

    /// A handler without arguments ignores those of the message.
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
        visitor.visit_newtype_struct(self)
    }

    /// There is something as soon as one argument has a value.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        let mut args = self.args.clone();
        let mut values = iter::from_fn(|| args.next_name().and_then(|_| args.value()));
        match values.any(|value| value != TypedData::Null) {
            true => visitor.visit_some(self),
            false => visitor.visit_none(),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct ArgMap<'de> {
    args: Args<'de>,
    /// The name whose value is next.
    name: &'de [u8],
    /// Names whose later values are already in a sequence.
    gathered: Vec<&'de [u8]>,
}

impl<'de> ArgMap<'de> {
    #[inline(always)]
    fn next_name(&mut self) -> Option<&'de [u8]> {
        let mut name = self.args.next_name()?;
        while !self.gathered.is_empty() && self.gathered.contains(&name) {
            self.args.value()?;
            name = self.args.next_name()?;
        }
        Some(name)
    }
}

impl<'de> MapAccess<'de> for ArgMap<'de> {
    type Error = ArgsError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgsError> {
        let Some(name) = self.next_name() else {
            return Ok(None);
        };
        self.name = name;
        seed.deserialize(Name(name)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ArgsError> {
        let data = self.args.value().ok_or_else(|| de::Error::custom("a value before its key"))?;
        let name = self.name;
        let same_name = SameName { name, rest: self.args.clone(), gathered: &mut self.gathered };
        seed.deserialize(Value { data, same_name: Some(same_name) })
            .map_err(|error: ArgsError| error.of_argument(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.args.len())
    }
}

/// The name of an argument: text if it is UTF-8.
pub(super) struct Name<'de>(pub(super) &'de [u8]);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = ArgsError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match str::from_utf8(self.0) {
            Ok(name) => visitor.visit_borrowed_str(name),
            Err(_) => visitor.visit_borrowed_bytes(self.0),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        match str::from_utf8(self.0) {
            Ok(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Err(_) => visitor.visit_borrowed_bytes(self.0),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
