//! What HAProxy sends, as the types that expressions know it by.

use std::{borrow::Cow, net::IpAddr};

use spoa_actors::TypedData;

use crate::{expression::Value, kind::Type};

/// A value as this type; nothing if it is null, or of no use as such.
pub(super) fn value(data: TypedData<'_>, value_type: Type) -> Option<Value<'_>> {
    match value_type {
        Type::Bool => boolean(&data).map(Value::Bool),
        Type::Int => integer(&data).map(Value::Int),
        Type::Text => text(&data).map(Value::Text),
        Type::Ip => address(&data).map(Value::Ip),
        Type::Binary => bytes(&data).map(|bytes| Value::Bytes(Cow::Borrowed(bytes))),
    }
}

/// A text as this type.
pub(super) fn of_text(text: Cow<'_, [u8]>, value_type: Type) -> Option<Value<'_>> {
    match value_type {
        Type::Binary => Some(Value::Bytes(text)),
        Type::Text => Some(Value::Text(match text {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })),
        _ => value(TypedData::String(&text), value_type).map(Value::into_owned),
    }
}

pub(super) fn bytes<'a>(data: &TypedData<'a>) -> Option<&'a [u8]> {
    match data {
        TypedData::String(bytes) | TypedData::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

fn integer(data: &TypedData<'_>) -> Option<i64> {
    match data {
        TypedData::Int32(number) => Some(i64::from(*number)),
        TypedData::Uint32(number) => Some(i64::from(*number)),
        TypedData::Int64(number) => Some(*number),
        TypedData::Uint64(number) => i64::try_from(*number).ok(),
        TypedData::Bool(value) => Some(i64::from(*value)),
        _ => str::from_utf8(bytes(data)?).ok()?.trim().parse().ok(),
    }
}

fn boolean(data: &TypedData<'_>) -> Option<bool> {
    match data {
        TypedData::Bool(value) => Some(*value),
        TypedData::String(b"true") => Some(true),
        TypedData::String(b"false") => Some(false),
        _ => integer(data).map(|number| number != 0),
    }
}

/// What is not UTF-8 is replaced, so that a rule about the rest of it still holds.
fn text<'a>(data: &TypedData<'a>) -> Option<Cow<'a, str>> {
    match data {
        TypedData::Null => None,
        TypedData::String(bytes) | TypedData::Binary(bytes) => Some(String::from_utf8_lossy(bytes)),
        TypedData::Ipv4(ip) => Some(Cow::Owned(ip.to_string())),
        TypedData::Ipv6(ip) => Some(Cow::Owned(ip.to_string())),
        TypedData::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        _ => integer(data).map(|number| Cow::Owned(number.to_string())),
    }
}

fn address(data: &TypedData<'_>) -> Option<IpAddr> {
    let ip = match data {
        TypedData::Ipv4(ip) => IpAddr::V4(*ip),
        TypedData::Ipv6(ip) => IpAddr::V6(*ip),
        _ => str::from_utf8(bytes(data)?).ok()?.trim().parse().ok()?,
    };
    Some(ip.to_canonical())
}
