//! Key: who is counted, as expressions over the message.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash, Hasher},
    net::{IpAddr, Ipv6Addr},
};

use crate::{
    chain::{Making, View},
    expression::{Program, Value, Variables},
    file::{List, Text},
    finding::Finding,
};

words! {
    /// What happens to a message that lacks a part of the key.
    pub(super) enum OnMissing, "one of `skip` and `one`" {
        /// It is not counted.
        Skip = "skip",
        /// All such messages are one key.
        One = "one",
    }
}

/// How many keys take a gigabyte.
const MOST: u32 = 64 << 20;

/// How many keys are remembered; too many are a finding.
pub(super) fn most(max_keys: u32, making: &mut Making<'_, '_>) -> Option<usize> {
    if (1..=MOST).contains(&max_keys) {
        return usize::try_from(max_keys).ok();
    }
    let finding = Finding::error(format!("`max_keys` is not from 1 to {MOST}"))
        .at(making.place("max_keys"), "too few or too many")
        .help("write how many clients come within the time of the limit: each takes 16 bytes");
    making.add(finding);
    None
}

/// The parts of a key.
pub(super) struct Key {
    parts: Vec<Program>,
    /// The bits of an IPv6 address that count.
    mask: u128,
    on_missing: OnMissing,
}

impl Key {
    /// Reads the parts; what is wrong with them joins the findings.
    pub(super) fn read(
        List(texts): &List<Text>,
        ipv6_prefix: u16,
        on_missing: OnMissing,
        making: &mut Making<'_, '_>,
    ) -> Option<Self> {
        let parts: Vec<_> = texts.iter().map(|text| making.expression(text)).collect();
        let parts = parts.into_iter().collect::<Option<Vec<_>>>();
        if texts.is_empty() {
            let finding = Finding::error("`key` has no part")
                .at(making.place("key"), "empty")
                .help("write what is counted, such as `key = \"ip\"`");
            making.add(finding);
            return None;
        }
        if !(1..=128).contains(&ipv6_prefix) {
            let finding = Finding::error("`ipv6_prefix` is not from 1 to 128")
                .at(making.place("ipv6_prefix"), "no such prefix")
                .help("write 64, the network of one client, or 128 for single addresses");
            making.add(finding);
            return None;
        }
        let mask = u128::MAX << (128 - ipv6_prefix);
        Some(Self { parts: parts?, mask, on_missing })
    }

    /// What makes another key of it.
    pub(super) fn identity(List(texts): &List<Text>, ipv6_prefix: u16) -> String {
        let parts: Vec<_> = texts.iter().map(Text::as_str).collect();
        format!("{parts:?} /{ipv6_prefix}")
    }

    /// The key of a message, hashed: nothing if a part is not there and such messages are not counted.
    pub(super) fn of(&self, view: &View<'_, '_>, hasher: &RandomState) -> Option<u64> {
        let mut state = hasher.build_hasher();
        for part in &self.parts {
            // What is not there has its type's empty value in an expression: that is nobody's key.
            let is_there = part.variable().is_none_or(|slot| view.get(slot).is_some());
            match part.value(view) {
                Ok(value) if is_there => self.hash(&value, &mut state),
                _ if self.on_missing == OnMissing::Skip => return None,
                _ => state.write_u8(0xff),
            }
        }
        Some(state.finish())
    }

    fn hash(&self, value: &Value<'_>, state: &mut impl Hasher) {
        match value {
            Value::Bool(value) => (0_u8, value).hash(state),
            Value::Int(value) => (1_u8, value).hash(state),
            Value::Double(value) => (2_u8, value.to_bits()).hash(state),
            Value::Text(text) => (3_u8, text).hash(state),
            Value::Bytes(bytes) => (4_u8, bytes).hash(state),
            Value::Ip(IpAddr::V4(ip)) => (5_u8, ip).hash(state),
            Value::Ip(IpAddr::V6(ip)) => {
                (6_u8, Ipv6Addr::from(u128::from(*ip) & self.mask)).hash(state);
            }
            Value::Cidr(cidr) => (7_u8, cidr.to_string()).hash(state),
            Value::List(values) => {
                (8_u8, values.len()).hash(state);
                values.iter().for_each(|value| self.hash(value, state));
            }
        }
    }
}
