//! An argument of a case, as HAProxy would send it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use spoa_actors::TypedData;

use crate::{
    file::{Node, Value},
    kind::{Type, WELL_KNOWN},
};

/// The types that stand behind a name: `id:uint64`.
pub(super) const TYPES: &[&str] = &[
    "null", "bool", "int32", "uint32", "int64", "int", "uint64", "ipv4", "ipv6", "string", "str",
    "binary", "bin",
];

/// A value with its type on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Null,
    Bool(bool),
    Int32(i32),
    Uint32(u32),
    Int64(i64),
    Uint64(u64),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Text(String),
    Binary(Vec<u8>),
}

impl Given {
    /// The value of an argument without a type: an address where the argument is known as one.
    pub(super) fn inferred(name: &str, node: &Node) -> Option<Self> {
        let is_address =
            || WELL_KNOWN.iter().any(|known| known.name == name && known.value_type == Type::Ip);
        match &node.value {
            Value::Boolean(value) => Some(Self::Bool(*value)),
            Value::Integer(value) => Some(Self::Int64(*value)),
            Value::Text(text) => {
                let ip = text.as_str().parse().ok().filter(|_| is_address());
                Some(ip.map_or_else(|| Self::Text(text.as_str().to_owned()), Self::ip))
            }
            _ => None,
        }
    }

    /// The value as this type, if it can be one.
    pub(super) fn typed(type_name: &str, node: &Node) -> Option<Self> {
        match (type_name, &node.value) {
            ("bool", Value::Boolean(value)) => Some(Self::Bool(*value)),
            ("int32", Value::Integer(value)) => i32::try_from(*value).ok().map(Self::Int32),
            ("uint32", Value::Integer(value)) => u32::try_from(*value).ok().map(Self::Uint32),
            ("int64" | "int", Value::Integer(value)) => Some(Self::Int64(*value)),
            ("uint64", Value::Integer(value)) => u64::try_from(*value).ok().map(Self::Uint64),
            ("null", Value::Text(text)) if text.as_str().is_empty() => Some(Self::Null),
            ("ipv4", Value::Text(text)) => text.as_str().parse().ok().map(Self::Ipv4),
            ("ipv6", Value::Text(text)) => text.as_str().parse().ok().map(Self::Ipv6),
            ("string" | "str", Value::Text(text)) => Some(Self::Text(text.as_str().to_owned())),
            ("binary" | "bin", Value::Text(text)) => hex(text.as_str()).map(Self::Binary),
            _ => None,
        }
    }

    pub(super) fn data(&self) -> TypedData<'_> {
        match self {
            Self::Null => TypedData::Null,
            Self::Bool(value) => TypedData::Bool(*value),
            Self::Int32(value) => TypedData::Int32(*value),
            Self::Uint32(value) => TypedData::Uint32(*value),
            Self::Int64(value) => TypedData::Int64(*value),
            Self::Uint64(value) => TypedData::Uint64(*value),
            Self::Ipv4(ip) => TypedData::Ipv4(*ip),
            Self::Ipv6(ip) => TypedData::Ipv6(*ip),
            Self::Text(text) => TypedData::String(text.as_bytes()),
            Self::Binary(bytes) => TypedData::Binary(bytes),
        }
    }

    fn ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::Ipv4(ip),
            IpAddr::V6(ip) => Self::Ipv6(ip),
        }
    }
}

/// Bytes as `0x` and two digits for each.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let byte = |pair: &[u8]| {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        u8::try_from(digit(0)? * 16 + digit(1)?).ok()
    };
    digits.chunks(2).map(byte).collect()
}
