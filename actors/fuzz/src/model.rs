//! The grammar of the specification (`doc/SPOE.txt` of HAProxy, section 3), said a second time as plainly as
//! possible: what the library's readers are compared with.
//!
//! Every reader takes the front of `bytes` and gives the value and the rest, or nothing if the front is no such term.

use std::net::{Ipv4Addr, Ipv6Addr};

use spoa_actors::{Action, Scope, TypedData};

/// A term and the bytes behind it.
pub type Read<'a, T> = Option<(T, &'a [u8])>;

/// An argument or a key: its name and its value.
pub type Pair<'a> = (&'a [u8], TypedData<'a>);

/// A message: its name and its arguments.
pub type Message<'a> = (&'a [u8], Vec<Pair<'a>>);

/// One byte.
#[must_use]
pub fn byte(bytes: &[u8]) -> Read<'_, u8> {
    bytes.split_first().map(|(&first, rest)| (first, rest))
}

/// A varint of ten bytes and 64 bits at most.
#[must_use]
pub fn varint(bytes: &[u8]) -> Read<'_, u64> {
    let (first, mut rest) = byte(bytes)?;
    let mut value = u128::from(first);
    if first >= 240 {
        for group in 0.. {
            let next;
            (next, rest) = byte(rest)?;
            value += u128::from(next) << (4 + 7 * group);
            match next {
                ..128 => break,
                _ if group == 8 => return None,
                _ => {}
            }
        }
    }
    Some((value.try_into().ok()?, rest))
}

/// A varint, written.
#[must_use]
pub fn written_varint(value: u64) -> Vec<u8> {
    if value < 240 {
        return vec![value as u8];
    }
    let mut bytes = vec![value as u8 | 0xf0];
    let mut rest = (value - 240) >> 4;
    while rest >= 128 {
        bytes.push(rest as u8 | 0x80);
        rest = (rest - 128) >> 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A varint length and that many bytes.
#[must_use]
pub fn string(bytes: &[u8]) -> Read<'_, &[u8]> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// One value.
#[must_use]
pub fn typed_data(bytes: &[u8]) -> Read<'_, TypedData<'_>> {
    let (head, rest) = byte(bytes)?;
    Some(match head & 0x0f {
        0 => (TypedData::Null, rest),
        1 => (TypedData::Bool(head & 0x10 != 0), rest),
        2 => {
            let (value, rest) = varint(rest)?;
            let value = value as i64;
            (i32::try_from(value).map_or(TypedData::Int64(value), TypedData::Int32), rest)
        }
        3 => {
            let (value, rest) = varint(rest)?;
            (u32::try_from(value).map_or(TypedData::Uint64(value), TypedData::Uint32), rest)
        }
        4 => varint(rest).map(|(value, rest)| (TypedData::Int64(value as i64), rest))?,
        5 => varint(rest).map(|(value, rest)| (TypedData::Uint64(value), rest))?,
        6 => {
            let (octets, rest) = rest.split_first_chunk::<4>()?;
            (TypedData::Ipv4(Ipv4Addr::from(*octets)), rest)
        }
        7 => {
            let (octets, rest) = rest.split_first_chunk::<16>()?;
            (TypedData::Ipv6(Ipv6Addr::from(*octets)), rest)
        }
        8 => string(rest).map(|(bytes, rest)| (TypedData::String(bytes), rest))?,
        9 => string(rest).map(|(bytes, rest)| (TypedData::Binary(bytes), rest))?,
        _ => return None,
    })
}

/// A value, written.
#[must_use]
pub fn written_typed_data(value: &TypedData<'_>) -> Vec<u8> {
    let text =
        |id: u8, bytes: &[u8]| [&[id], &written_varint(bytes.len() as u64)[..], bytes].concat();
    let integer = |id: u8, value: u64| [&[id], &written_varint(value)[..]].concat();
    match *value {
        TypedData::Null => vec![0x00],
        TypedData::Bool(value) => vec![if value { 0x11 } else { 0x01 }],
        TypedData::Int32(value) => integer(2, i64::from(value) as u64),
        TypedData::Uint32(value) => integer(3, value.into()),
        TypedData::Int64(value) => integer(4, value as u64),
        TypedData::Uint64(value) => integer(5, value),
        TypedData::Ipv4(ip) => [&[6], &ip.octets()[..]].concat(),
        TypedData::Ipv6(ip) => [&[7], &ip.octets()[..]].concat(),
        TypedData::String(bytes) => text(8, bytes),
        TypedData::Binary(bytes) => text(9, bytes),
    }
}

/// A name and a value.
#[must_use]
pub fn pair(bytes: &[u8]) -> Read<'_, Pair<'_>> {
    let (name, rest) = string(bytes)?;
    let (value, rest) = typed_data(rest)?;
    Some(((name, value), rest))
}

/// One message.
#[must_use]
pub fn message(bytes: &[u8]) -> Read<'_, Message<'_>> {
    let (name, rest) = string(bytes)?;
    let (count, mut rest) = byte(rest)?;
    let mut args = Vec::new();
    for _ in 0..count {
        let arg;
        (arg, rest) = pair(rest)?;
        args.push(arg);
    }
    Some(((name, args), rest))
}

/// One action.
#[must_use]
pub fn action(bytes: &[u8]) -> Read<'_, Action<'_>> {
    let (&[id, count, scope], rest) = bytes.split_first_chunk::<3>()?;
    let scope = *Scope::ALL.get(usize::from(scope))?;
    let (name, rest) = string(rest)?;
    match (id, count) {
        (1, 3) => {
            let (value, rest) = typed_data(rest)?;
            Some((Action::SetVar { scope, name, value }, rest))
        }
        (2, 2) => Some((Action::UnsetVar { scope, name }, rest)),
        _ => None,
    }
}

/// A list of terms up to the end of the bytes: all of them, or nothing.
pub fn list<'a, T>(mut bytes: &'a [u8], term: impl Fn(&'a [u8]) -> Read<'a, T>) -> Option<Vec<T>> {
    let mut terms = Vec::new();
    while !bytes.is_empty() {
        let read;
        (read, bytes) = term(bytes)?;
        terms.push(read);
    }
    Some(terms)
}

/// The terms up to the first that is none, and the bytes they take.
pub fn leading<'a, T>(
    bytes: &'a [u8],
    term: impl Fn(&'a [u8]) -> Read<'a, T>,
) -> (Vec<T>, &'a [u8]) {
    let (mut terms, mut rest) = (Vec::new(), bytes);
    while let Some((read, behind)) = term(rest) {
        terms.push(read);
        rest = behind;
    }
    (terms, &bytes[..bytes.len() - rest.len()])
}

/// A header: its name and its value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The headers of HAProxy's binary form, which ends with two empty strings and nothing behind them.
#[must_use]
pub fn binary_headers(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    let mut headers = Vec::new();
    let mut rest = bytes;
    loop {
        let (name, value);
        (name, rest) = string(rest)?;
        (value, rest) = string(rest)?;
        match (name.is_empty(), value.is_empty()) {
            (true, true) => return rest.is_empty().then_some(headers),
            (true, false) => return None,
            _ => headers.push((name, value)),
        }
    }
}

/// The headers of HAProxy's text form: lines, and an empty one at the end that may be missing.
#[must_use]
pub fn text_headers(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    let mut headers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = (0..rest.len()).find(|&at| rest[at..].starts_with(b"\r\n"))?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            return rest.is_empty().then_some(headers);
        }
        let colon = line.iter().position(|&byte| byte == b':').filter(|&at| at > 0)?;
        headers.push((&line[..colon], line[colon + 1..].trim_ascii()));
    }
    Some(headers)
}
