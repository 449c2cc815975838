//! Inputs: addresses and keys from the arguments of a message.

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv6Addr},
};

use spoa_actors::{MessageRef, TypedData};

/// Names that agents have for the address of a client; the last one is an argument without a name.
pub(super) const ADDRESS: [&str; 8] =
    ["ip", "src", "src_ip", "src-ip", "client_ip", "arg_ip", "addr", ""];

/// The first argument of these names that is an address, or a text that is one.
pub(super) fn address(message: &MessageRef<'_>, names: &[String]) -> Option<IpAddr> {
    let ip = |value: TypedData<'_>| {
        let text = || str::from_utf8(value.as_bytes()?).ok()?.trim().parse().ok();
        value.as_ip().or_else(text).map(|ip| ip.to_canonical())
    };
    names.iter().find_map(|name| message.get(name).and_then(ip))
}

/// A value as text; none of what is not there, and of bytes that are not UTF-8.
pub(super) fn text<'a>(value: TypedData<'a>) -> Option<Cow<'a, str>> {
    Some(match value {
        TypedData::Null => return None,
        TypedData::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        TypedData::String(bytes) | TypedData::Binary(bytes) => {
            Cow::Borrowed(str::from_utf8(bytes).ok()?)
        }
        _ => match (value.as_ip(), value.as_integer()) {
            (Some(ip), _) => Cow::Owned(ip.to_canonical().to_string()),
            (None, Some(number)) => Cow::Owned(number.to_string()),
            (None, None) => return None,
        },
    })
}

/// Arguments that are a key together.
pub(super) struct Key<'a> {
    message: &'a MessageRef<'a>,
    names: &'a [String],
}

impl<'a> Key<'a> {
    /// None if one of the arguments is not there.
    pub(super) fn new(message: &'a MessageRef<'a>, names: &'a [String]) -> Option<Self> {
        let is_there = |name: &String| !matches!(message.get(name), None | Some(TypedData::Null));
        names.iter().all(is_there).then_some(Self { message, names })
    }
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for name in self.names {
            let value = self.message.get(name).unwrap_or(TypedData::Null);
            match value.as_ip().map(|ip| ip.to_canonical()) {
                // Who has one address of IPv6 has all of its /64.
                Some(IpAddr::V6(ip)) => {
                    Ipv6Addr::from(u128::from(ip) & u128::MAX << 64).hash(state);
                }
                Some(ip) => ip.hash(state),
                None => value.hash(state),
            }
        }
    }
}
