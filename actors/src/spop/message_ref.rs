//! Message, read in place in its frame: no copy, and no reference count.

use std::fmt;

use bytes::Bytes;

use super::{
    arg::{ARG_NAME, Args},
    foreign_text::ForeignText,
    typed_data::{STRING, TypedData},
    wire::{Reader, WireError},
};

pub(super) const MESSAGE_NAME: &str = "MESSAGE-NAME";
const NB_ARGS: &str = "NB-ARGS";

/// One message of a NOTIFY, checked, borrowed from its frame.
///
/// Handlers that answer at once read from it. [`to_message`](Self::to_message) makes a message that
/// outlives the frame.
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    /// Exactly one MESSAGE of the grammar.
    bytes: &'a [u8],
    name: &'a [u8],
    count: u8,
    /// The bytes after NB-ARGS.
    args: Reader<'a>,
    /// The bytes that the message is part of, if they can be shared.
    owner: Option<&'a Bytes>,
}

impl<'a> MessageRef<'a> {
    /// The name after `spoe-message` in HAProxy's configuration.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The arguments in wire order, read one by one as you iterate.
    #[must_use]
    #[inline]
    pub fn args(&self) -> Args<'a> {
        Args::new(self.count, self.args)
    }

    /// The value of the first argument with this name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<TypedData<'a>> {
        let name = name.as_ref();
        self.args().find(|arg| arg.name == name).map(|arg| arg.value)
    }

    /// The message as encoded in a NOTIFY.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes, to outlive the frame: a copy, which holds no other part of the frame. If the
    /// message is at least half of a NOTIFY that came in fragments, a shared slice.
    pub(super) fn to_bytes(self) -> Bytes {
        match self.owner {
            // A slice keeps its whole frame in memory. That is worth a saved copy only for most of
            // a frame.
            Some(owner) if owner.len() <= 2 * self.bytes.len() => owner.slice_ref(self.bytes),
            _ => Bytes::copy_from_slice(self.bytes),
        }
    }

    /// Takes bytes that [`read`](Self::read) has read without an error.
    #[inline]
    pub(super) fn from_checked(bytes: &'a Bytes) -> Self {
        let mut reader = Reader::new(bytes);
        let name = reader.string(MESSAGE_NAME).unwrap_or_default();
        let count = reader.byte(NB_ARGS).unwrap_or_default();
        Self { bytes, name, count, args: reader, owner: Some(bytes) }
    }

    /// Reads over one message and checks all of it.
    #[inline(always)]
    pub(super) fn read(
        reader: &mut Reader<'a>,
        owner: Option<&'a Bytes>,
    ) -> Result<Self, WireError> {
        let begin = *reader;
        let name = reader.string(MESSAGE_NAME)?;
        let count = reader.byte(NB_ARGS)?;
        let args = *reader;
        // Read once to the end, so that reading the arguments later cannot fail. Nearly all are
        // strings, which have a short path.
        for _ in 0..count {
            if reader.short_pair(STRING).is_some() {
                continue;
            }
            reader.string(ARG_NAME)?;
            TypedData::skip(reader)?;
        }
        Ok(Self { bytes: begin.up_to(reader), name, count, args, owner })
    }
}

impl fmt::Display for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", ForeignText::new(self.name))?;
        for (index, arg) in self.args().enumerate() {
            write!(f, "{}{arg}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use bytes::BytesMut;

    use super::*;

    /// `m(a=7, =true, a="x")`, and what is behind it.
    const BYTES: &[u8] = b"\x01m\x03\x01a\x03\x07\x00\x11\x01a\x08\x01xrest";

    fn read<'a>(bytes: &'a [u8], owner: Option<&'a Bytes>) -> Result<MessageRef<'a>, WireError> {
        MessageRef::read(&mut Reader::new(bytes), owner)
    }

    #[test]
    fn it_is_one_message_and_no_more() {
        let mut reader = Reader::new(BYTES);
        let message = MessageRef::read(&mut reader, None).unwrap();
        assert_eq!((message.name(), message.as_bytes()), (&b"m"[..], &BYTES[..BYTES.len() - 4]));
        assert_eq!(reader.left(), 4);
        assert_eq!(message.to_string(), "m(a=7, true, a=\"x\")");
    }

    #[test]
    fn its_arguments_are_read_in_order_repeated_and_unnamed_ones_too() {
        let message = read(BYTES, None).unwrap();
        let mut args = message.args();
        let expected: [(&[u8], _); 3] = [
            (b"a", TypedData::Uint32(7)),
            (b"", TypedData::Bool(true)),
            (b"a", TypedData::String(b"x")),
        ];
        for (index, (name, value)) in expected.into_iter().enumerate() {
            assert_eq!(args.len(), expected.len() - index);
            assert_eq!(args.clone().count(), args.len());
            assert_eq!(args.next().map(|arg| (arg.name, arg.value)), Some((name, value)));
        }
        assert_eq!((args.len(), args.next(), args.next()), (0, None, None));
        assert_eq!(message.get("a"), Some(TypedData::Uint32(7)));
        assert_eq!((message.get(""), message.get("b")), (Some(TypedData::Bool(true)), None));
    }

    #[test]
    fn a_message_out_of_a_frame_that_is_not_shared_is_a_copy() {
        let frame = BYTES.to_vec();
        let message = read(&frame, None).unwrap();
        let copy = message.to_message();
        assert_eq!(copy.as_bytes(), message.as_bytes());
        assert_ne!(copy.as_bytes().as_ptr(), message.as_bytes().as_ptr());
        drop(frame);
        assert_eq!(copy.to_string(), "m(a=7, true, a=\"x\")");
    }

    #[test]
    fn a_message_out_of_a_frame_that_is_shared_keeps_all_of_it() {
        let frame = BytesMut::from(BYTES).freeze();
        let message = read(&frame, Some(&frame)).unwrap().to_message();
        assert_eq!(message.as_bytes().as_ptr(), frame.as_ptr());
        assert!(!frame.is_unique());
        drop(frame);
        assert_eq!(message.to_string(), "m(a=7, true, a=\"x\")");
        // To read it again, and to make another message of it, is no copy either.
        let again = message.as_ref().to_message();
        assert_eq!(again.as_bytes().as_ptr(), message.as_bytes().as_ptr());
    }

    #[test]
    fn a_message_that_is_cut_short_is_none() {
        let whole = &BYTES[..BYTES.len() - 4];
        for length in 0..whole.len() {
            assert!(read(&whole[..length], None).is_err(), "{length} bytes");
        }
        assert!(read(whole, None).is_ok());
    }
}
