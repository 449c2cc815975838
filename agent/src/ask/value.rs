//! Value: a typed value of an argument, from the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use spoa_actors::TypedData;

use crate::hex;

/// The names of the types, for errors.
pub(crate) const TYPES: &str = "null, bool, int32, uint32, int64 (or int), uint64, ipv4, ipv6, \
                                string (or str), binary (or bin)";

/// A value that owns its text or bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int32(i32),
    Uint32(u32),
    Int64(i64),
    Uint64(u64),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    String(String),
    Binary(Vec<u8>),
}

/// Why a text is not a value of a type.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Mismatch {
    /// The type is unknown.
    UnknownType,
    /// The text does not have this type; has the correct format.
    Form(&'static str),
}

impl Value {
    /// Parses a text as a value of the type `type_name`.
    pub(crate) fn parse(type_name: &str, text: &str) -> Result<Self, Mismatch> {
        let (value, form) = match type_name {
            "null" => (text.is_empty().then_some(Self::Null), "leave the value out"),
            "bool" => (text.parse().ok().map(Self::Bool), "write true or false"),
            "int32" => (
                text.parse().ok().map(Self::Int32),
                "write a whole number from -2147483648 to 2147483647",
            ),
            "uint32" => {
                (text.parse().ok().map(Self::Uint32), "write a whole number from 0 to 4294967295")
            }
            "int64" | "int" => (
                text.parse().ok().map(Self::Int64),
                "write a whole number from -9223372036854775808 to 9223372036854775807",
            ),
            "uint64" => (
                text.parse().ok().map(Self::Uint64),
                "write a whole number from 0 to 18446744073709551615",
            ),
            "ipv4" => {
                (text.parse().ok().map(Self::Ipv4), "write an IPv4 address, such as 192.0.2.1")
            }
            "ipv6" => {
                (text.parse().ok().map(Self::Ipv6), "write an IPv6 address, such as 2001:db8::1")
            }
            "string" | "str" => (Some(Self::String(text.to_owned())), ""),
            "binary" | "bin" => (
                hex::decode(text).map(Self::Binary),
                "write 0x and two hexadecimal digits for every byte, such as 0xcafe",
            ),
            _ => return Err(Mismatch::UnknownType),
        };
        value.ok_or(Mismatch::Form(form))
    }

    /// Infers the type of a text; the default is a string.
    pub(crate) fn infer(text: &str) -> Self {
        if let Ok(value) = text.parse() {
            return Self::Bool(value);
        }
        if let Some(integer) = infer_integer(text) {
            return integer;
        }
        match text.parse() {
            Ok(IpAddr::V4(ip)) => Self::Ipv4(ip),
            Ok(IpAddr::V6(ip)) => Self::Ipv6(ip),
            Err(_) => Self::String(text.to_owned()),
        }
    }

    /// The value as it is encoded.
    pub(crate) fn as_typed_data(&self) -> TypedData<'_> {
        match self {
            Self::Null => TypedData::Null,
            Self::Bool(value) => TypedData::Bool(*value),
            Self::Int32(value) => TypedData::Int32(*value),
            Self::Uint32(value) => TypedData::Uint32(*value),
            Self::Int64(value) => TypedData::Int64(*value),
            Self::Uint64(value) => TypedData::Uint64(*value),
            Self::Ipv4(ip) => TypedData::Ipv4(*ip),
            Self::Ipv6(ip) => TypedData::Ipv6(*ip),
            Self::String(text) => TypedData::String(text.as_bytes()),
            Self::Binary(bytes) => TypedData::Binary(bytes),
        }
    }
}

/// An integer in its shortest form: `007` and `+1` stay strings.
fn infer_integer(text: &str) -> Option<Value> {
    let integer: i128 = text.parse().ok()?;
    (integer.to_string() == text).then_some(())?;
    let signed = i64::try_from(integer).map(Value::Int64);
    signed.or_else(|_| u64::try_from(integer).map(Value::Uint64)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_for_what_it_looks_like() {
        let string = |text: &str| Value::String(text.to_owned());
        for (text, value) in [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("True", string("True")),
            ("0", Value::Int64(0)),
            ("-5", Value::Int64(-5)),
            ("9223372036854775807", Value::Int64(i64::MAX)),
            ("9223372036854775808", Value::Uint64(1 << 63)),
            ("18446744073709551615", Value::Uint64(u64::MAX)),
            ("18446744073709551616", string("18446744073709551616")),
            ("007", string("007")),
            ("+1", string("+1")),
            ("-0", string("-0")),
            ("1.5", string("1.5")),
            ("127.0.0.1", Value::Ipv4(Ipv4Addr::LOCALHOST)),
            ("127.0.0.256", string("127.0.0.256")),
            ("::1", Value::Ipv6(Ipv6Addr::LOCALHOST)),
            ("0xcafe", string("0xcafe")),
            ("", string("")),
        ] {
            assert_eq!(Value::infer(text), value, "{text}");
        }
    }

    #[test]
    fn every_type_has_a_name_and_is_told_apart_on_the_wire() {
        for (name, text, shown) in [
            ("null", "", "null"),
            ("bool", "true", "true"),
            ("int32", "-7", "-7"),
            ("uint32", "7", "7"),
            ("int64", "7", "7"),
            ("uint64", "7", "7"),
            ("ipv4", "192.0.2.1", "192.0.2.1"),
            ("ipv6", "2001:db8::1", "2001:db8::1"),
            ("string", "7", "\"7\""),
            ("binary", "0xCAFE", "0xcafe"),
        ] {
            let value = Value::parse(name, text).unwrap();
            assert_eq!(value.as_typed_data().type_name(), name);
            assert_eq!(value.as_typed_data().to_string(), shown);
            assert!(TYPES.contains(name));
        }
        for (short, long) in [("int", "int64"), ("str", "string")] {
            assert_eq!(Value::parse(short, "7"), Value::parse(long, "7"));
        }
        assert_eq!(Value::parse("bin", "0x"), Ok(Value::Binary(Vec::new())));
    }

    #[test]
    fn a_text_of_another_form_is_refused() {
        for (name, text) in [
            ("null", "x"),
            ("bool", "1"),
            ("int32", "2147483648"),
            ("uint32", "-1"),
            ("int64", "9223372036854775808"),
            ("uint64", "-1"),
            ("ipv4", "::1"),
            ("ipv6", "127.0.0.1"),
            ("binary", "cafe"),
            ("binary", "0xcaf"),
        ] {
            let refused = Value::parse(name, text);
            assert!(matches!(refused, Err(Mismatch::Form(_))), "{name} {text}");
        }
        assert_eq!(Value::parse("ip", "::1"), Err(Mismatch::UnknownType));
    }
}
