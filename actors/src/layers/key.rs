//! Key: the arguments that tell one call from another, as bytes.

use crate::{
    handler::Call,
    spop::{MessageRef, TypedData},
};

/// Ends the values of one name; no value begins with it.
const END: u8 = 0xff;

/// The names of the arguments that tell one call from another.
#[derive(Clone, Debug)]
pub(super) struct Key {
    names: Box<[Box<str>]>,
}

impl Key {
    pub(super) fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(|name| name.into().into_boxed_str()).collect() }
    }

    /// Writes the names of the messages and the values of the arguments, so that two calls with the same
    /// bytes have the same ones: each value has its type and its length, and each name its end.
    pub(super) fn write_call(&self, call: &Call<'_>, out: &mut impl FnMut(&[u8])) {
        for message in call.messages() {
            write_bytes(message.name(), out);
            self.write_values(message, out);
        }
    }

    /// Writes the values of the arguments alone; says whether there is any but null.
    pub(super) fn write_values(
        &self,
        message: &MessageRef<'_>,
        out: &mut impl FnMut(&[u8]),
    ) -> bool {
        let mut is_there = false;
        for name in &self.names {
            // All of a name: whoever repeats an argument must not get the answer to the first.
            for arg in message.args().filter(|arg| arg.name == name.as_bytes()) {
                is_there |= arg.value != TypedData::Null;
                write_value(arg.value, out);
            }
            out(&[END]);
        }
        is_there
    }
}

fn write_value(value: TypedData<'_>, out: &mut impl FnMut(&[u8])) {
    match value {
        TypedData::Null => out(&[0]),
        TypedData::Bool(value) => out(&[1, value.into()]),
        TypedData::Int32(value) => write_fixed(2, value.to_le_bytes(), out),
        TypedData::Uint32(value) => write_fixed(3, value.to_le_bytes(), out),
        TypedData::Int64(value) => write_fixed(4, value.to_le_bytes(), out),
        TypedData::Uint64(value) => write_fixed(5, value.to_le_bytes(), out),
        TypedData::Ipv4(ip) => write_fixed(6, ip.octets(), out),
        TypedData::Ipv6(ip) => write_fixed(7, ip.octets(), out),
        TypedData::String(bytes) => {
            out(&[8]);
            write_bytes(bytes, out);
        }
        TypedData::Binary(bytes) => {
            out(&[9]);
            write_bytes(bytes, out);
        }
    }
}

fn write_fixed<const N: usize>(tag: u8, bytes: [u8; N], out: &mut impl FnMut(&[u8])) {
    out(&[tag]);
    out(&bytes);
}

fn write_bytes(bytes: &[u8], out: &mut impl FnMut(&[u8])) {
    out(&(bytes.len() as u64).to_le_bytes());
    out(bytes);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::spop::Message;

    fn values(key: &Key, message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.write_values(&message.as_ref(), &mut |part| bytes.extend_from_slice(part));
        bytes
    }

    #[test]
    fn no_two_messages_of_other_values_have_the_same_key() {
        let key = Key::new(["a", "b"]);
        let text = |a: &str, b: &str| Message::new("m").arg("a", a).arg("b", b);
        let messages = [
            Message::new("m"),
            Message::new("m").arg("a", TypedData::Null),
            Message::new("m").arg("b", TypedData::Null),
            Message::new("m").arg("a", 1),
            Message::new("m").arg("b", 1),
            Message::new("m").arg("a", TypedData::Uint64(1)),
            Message::new("m").arg("a", true),
            Message::new("m").arg("a", "1"),
            Message::new("m").arg("a", b"1"),
            Message::new("m").arg("a", 1).arg("a", 1),
            Message::new("m").arg("a", "1").arg("a", "1"),
            text("12", "3"),
            text("1", "23"),
            text("", "123"),
            text("123", ""),
            text("1\u{8}\u{1}", "23"),
        ];
        let mut seen = HashMap::new();
        for message in &messages {
            if let Some(other) = seen.insert(values(&key, message), message) {
                panic!("{message} and {other}");
            }
        }
    }

    #[test]
    fn other_arguments_and_their_order_make_no_other_key() {
        let key = Key::new(["a", "b"]);
        let one = Message::new("m").arg("a", 1).arg("b", "x").arg("c", 3);
        let other = Message::new("other").arg("b", "x").arg("d", 4).arg("a", 1);
        assert_eq!(values(&key, &one), values(&key, &other));
    }

    proptest! {
        #[test]
        fn texts_are_told_apart_wherever_they_are_cut(
            texts in proptest::collection::vec(".{0,4}", 1..4),
            others in proptest::collection::vec(".{0,4}", 1..4),
        ) {
            let key = Key::new(["a"]);
            let message = |texts: &[String]| {
                texts.iter().fold(Message::new("m"), |message, text| message.arg("a", text))
            };
            let keys = (values(&key, &message(&texts)), values(&key, &message(&others)));
            prop_assert_eq!(texts == others, keys.0 == keys.1);
        }
    }
}
