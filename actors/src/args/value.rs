//! One value as serde sees it.

use std::iter;

use serde::{
    de::{
        self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, Unexpected,
        VariantAccess, Visitor,
        value::{SeqDeserializer, StrDeserializer, U32Deserializer},
    },
    forward_to_deserialize_any,
};

use super::ArgsError;
use crate::spop::{Args, TypedData};

/// One value, and the arguments after it, which can have the same name.
pub(super) struct Value<'de, 'm> {
    pub(super) data: TypedData<'de>,
    pub(super) same_name: Option<SameName<'de, 'm>>,
}

/// The arguments after a value, for a sequence of all values with the same name.
pub(super) struct SameName<'de, 'm> {
    pub(super) name: &'de [u8],
    pub(super) rest: Args<'de>,
    pub(super) gathered: &'m mut Vec<&'de [u8]>,
}

impl<'de> From<TypedData<'de>> for Value<'de, '_> {
    #[inline]
    fn from(data: TypedData<'de>) -> Self {
        Self { data, same_name: None }
    }
}

impl<'de> IntoDeserializer<'de, ArgsError> for Value<'de, '_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Value<'de, '_> {
    fn refuse<T>(&self, expected: &dyn Expected) -> Result<T, ArgsError> {
        let unexpected = match self.data {
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

impl<'de> Deserializer<'de> for Value<'de, '_> {
    type Error = ArgsError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.data {
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

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.data {
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
        let Some(SameName { name, rest, gathered }) = self.same_name else {
            return self.refuse(&visitor);
        };
        gathered.push(name);
        let others = rest.filter(|arg| arg.name == name).map(|arg| arg.value);
        let all = iter::once(self.data).chain(others).map(Value::from);
        visitor.visit_seq(SeqDeserializer::new(all))
    }

    /// As an owned one.
    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        self.deserialize_string(visitor)
    }

    /// The bytes of text are not text: a `String` takes strings only.
    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.data {
            TypedData::String(_) => self.deserialize_any(visitor),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    /// `Ipv4Addr` and `Ipv6Addr` ask for their octets.
    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        match self.data {
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
    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        match self.data {
            TypedData::Ipv4(_) | TypedData::Ipv6(_) if name == "IpAddr" => {
                visitor.visit_enum(Address(self.data))
            }
            TypedData::String(bytes) if name != "IpAddr" => match str::from_utf8(bytes) {
                Ok(text) => visitor.visit_enum(StrDeserializer::new(text)),
                Err(_) => self.refuse(&visitor),
            },
            _ => self.refuse(&visitor),
        }
    }

    /// Text is the readable form of a type that has two, such as a UUID; bytes are its compact one. An
    /// address is compact, so that it is not printed to be parsed.
    #[inline]
    fn is_human_readable(&self) -> bool {
        !matches!(self.data, TypedData::Ipv4(_) | TypedData::Ipv6(_) | TypedData::Binary(_))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct tuple_struct map struct identifier
    }
}

/// An address as a variant of `IpAddr`.
struct Address<'de>(TypedData<'de>);

impl<'de> EnumAccess<'de> for Address<'de> {
    type Error = ArgsError;
    type Variant = Value<'de, 'de>;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ArgsError> {
        let (v4, v6) = (0, 1);
        let variant = if matches!(self.0, TypedData::Ipv4(_)) { v4 } else { v6 };
        Ok((seed.deserialize(U32Deserializer::new(variant))?, self.0.into()))
    }
}

impl<'de> VariantAccess<'de> for Value<'de, '_> {
    type Error = ArgsError;

    #[inline]
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
