//! serde straight from the frame: nothing is allocated but what the target type owns.

use std::iter;

use serde::{
    de::{
        self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
        Unexpected, VariantAccess, Visitor,
        value::{BytesDeserializer, SeqDeserializer, StrDeserializer, U32Deserializer},
    },
    forward_to_deserialize_any,
};

use super::ArgsError;
use crate::spop::{Arg, Args, Message, TypedData};

/// A message as a map of its arguments.
pub(super) struct MessageDeserializer<'a> {
    args: Args<'a>,
}

impl<'a> MessageDeserializer<'a> {
    pub(super) fn new(message: &'a Message) -> Self {
        Self { args: message.args() }
    }
}

impl<'de> Deserializer<'de> for MessageDeserializer<'de> {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_map(ArgMap { args: self.args, current: None, gathered: Vec::new() })
    }

    /// A handler without arguments takes any.
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

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_some(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct ArgMap<'de> {
    args: Args<'de>,
    current: Option<Arg<'de>>,
    /// Names whose later occurrences went into a sequence already.
    gathered: Vec<&'de [u8]>,
}

impl<'de> MapAccess<'de> for ArgMap<'de> {
    type Error = ArgsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgsError> {
        let gathered = &self.gathered;
        self.current = self.args.by_ref().find(|arg| !gathered.contains(&arg.name));
        let Some(Arg { name, .. }) = self.current else {
            return Ok(None);
        };
        match str::from_utf8(name) {
            Ok(name) => seed.deserialize(StrDeserializer::new(name)),
            Err(_) => seed.deserialize(BytesDeserializer::new(name)),
        }
        .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ArgsError> {
        let arg = self.current.take().ok_or_else(|| de::Error::custom("a value before its key"))?;
        let value = ValueDeserializer {
            value: arg.value,
            rest: Rest { name: arg.name, args: self.args.clone(), gathered: &mut self.gathered },
        };
        seed.deserialize(value).map_err(|error: ArgsError| error.of_argument(arg.name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.args.len())
    }
}

/// The arguments behind the current one, for a sequence that gathers those of the same name.
struct Rest<'de, 'm> {
    name: &'de [u8],
    args: Args<'de>,
    gathered: &'m mut Vec<&'de [u8]>,
}

struct ValueDeserializer<'de, 'm> {
    value: TypedData<'de>,
    rest: Rest<'de, 'm>,
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        Single(self.value).deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.value {
            TypedData::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_newtype_struct(self)
    }

    /// All arguments of this name, in order.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        let Rest { name, args, gathered } = self.rest;
        gathered.push(name);
        let others = args.filter(|arg| arg.name == name).map(|arg| arg.value);
        visitor.visit_seq(SeqDeserializer::new(iter::once(self.value).chain(others).map(Single)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        Single(self.value).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        Single(self.value).deserialize_tuple(length, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        Single(self.value).deserialize_string(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit
        unit_struct tuple_struct map struct identifier
    }
}

/// One value; serde's compact forms are used, so that an address is not printed to be parsed.
struct Single<'de>(TypedData<'de>);

impl<'de> IntoDeserializer<'de, ArgsError> for Single<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Single<'de> {
    fn refuse<T>(&self, expected: &dyn Expected) -> Result<T, ArgsError> {
        let unexpected = match self.0 {
            TypedData::Ipv4(_) => Unexpected::Other("ipv4 address"),
            TypedData::Ipv6(_) => Unexpected::Other("ipv6 address"),
            TypedData::Null => Unexpected::Other("null"),
            TypedData::Bool(value) => Unexpected::Bool(value),
            TypedData::Int32(value) => Unexpected::Signed(value.into()),
            TypedData::Int64(value) => Unexpected::Signed(value),
            TypedData::Uint32(value) => Unexpected::Unsigned(value.into()),
            TypedData::Uint64(value) => Unexpected::Unsigned(value),
            TypedData::String(_) => Unexpected::Other("string"),
            TypedData::Binary(_) => Unexpected::Other("binary"),
        };
        Err(de::Error::invalid_type(unexpected, expected))
    }
}

impl<'de> Deserializer<'de> for Single<'de> {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.0 {
            TypedData::Null => self.refuse(&visitor),
            TypedData::Bool(value) => visitor.visit_bool(value),
            TypedData::Int32(value) => visitor.visit_i32(value),
            TypedData::Uint32(value) => visitor.visit_u32(value),
            TypedData::Int64(value) => visitor.visit_i64(value),
            TypedData::Uint64(value) => visitor.visit_u64(value),
            TypedData::Ipv4(_) | TypedData::Ipv6(_) => self.refuse(&visitor),
            TypedData::String(bytes) => match str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            TypedData::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.0 {
            TypedData::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_newtype_struct(self)
    }

    /// The bytes of text are not text: a `String` takes strings only.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.0 {
            TypedData::String(_) => self.deserialize_any(visitor),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    /// `Ipv4Addr` and `Ipv6Addr` ask for their octets.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        match self.0 {
            TypedData::Ipv4(ip) if length == 4 => {
                visitor.visit_seq(SeqDeserializer::new(ip.octets().into_iter()))
            }
            TypedData::Ipv6(ip) if length == 16 => {
                visitor.visit_seq(SeqDeserializer::new(ip.octets().into_iter()))
            }
            _ => self.refuse(&visitor),
        }
    }

    /// `IpAddr` asks for a variant of its own; any other enum is named by a string.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        match self.0 {
            TypedData::Ipv4(_) if name == "IpAddr" => visitor.visit_enum(Address(0, self)),
            TypedData::Ipv6(_) if name == "IpAddr" => visitor.visit_enum(Address(1, self)),
            TypedData::String(bytes) if name != "IpAddr" => match str::from_utf8(bytes) {
                Ok(text) => visitor.visit_enum(StrDeserializer::new(text)),
                Err(_) => self.refuse(&visitor),
            },
            _ => self.refuse(&visitor),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit
        unit_struct seq tuple_struct map struct identifier
    }
}

/// An address as a variant (0: V4, 1: V6) of `IpAddr`.
struct Address<'de>(u32, Single<'de>);

impl<'de> EnumAccess<'de> for Address<'de> {
    type Error = ArgsError;
    type Variant = Single<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ArgsError> {
        Ok((seed.deserialize(U32Deserializer::new(self.0))?, self.1))
    }
}

impl<'de> VariantAccess<'de> for Single<'de> {
    type Error = ArgsError;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ArgsError> {
        seed.deserialize(self)
    }

    fn unit_variant(self) -> Result<(), ArgsError> {
        self.refuse(&"an address")
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ArgsError> {
        self.refuse(&visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        self.refuse(&visitor)
    }
}
