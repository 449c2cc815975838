//! A message where it lies in its frame: nothing is copied, and nothing is counted.

use std::fmt;

use bytes::Bytes;

use super::{
    message::{ARG_NAME, Args, MESSAGE_NAME, Message, NB_ARGS},
    typed_data::{STRING, TypedData},
    wire::{Reader, WireError},
};

/// One message of a NOTIFY, borrowed from the frame that carries it and already checked.
///
/// It is what a handler that answers at once reads from; [`to_message`](Self::to_message) makes one
/// that outlives the frame.
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    /// Exactly one MESSAGE of the grammar.
    bytes: &'a [u8],
    name: &'a [u8],
    count: u8,
    /// What stands behind NB-ARGS.
    args: Reader<'a>,
    /// What the bytes are part of, if it can be shared.
    owner: Option<&'a Bytes>,
}

impl<'a> MessageRef<'a> {
    /// The name, which HAProxy's configuration gives after `spoe-message`.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The arguments in wire order, read one by one as they are asked for.
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

    /// The message as it stands in a NOTIFY.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A message that outlives the frame: it shares a large frame, and is a copy out of a small one,
    /// so that it holds no more memory than it needs.
    #[must_use]
    pub fn to_message(&self) -> Message {
        Message::from_checked(match self.owner {
            Some(owner) => owner.slice_ref(self.bytes),
            None => Bytes::copy_from_slice(self.bytes),
        })
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

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        let bytes = message.shared_bytes();
        let mut reader = Reader::new(bytes);
        let name = reader.string(MESSAGE_NAME).unwrap_or_default();
        let count = reader.byte(NB_ARGS).unwrap_or_default();
        Self { bytes, name, count, args: reader, owner: Some(bytes) }
    }
}

impl fmt::Display for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name.escape_ascii())?;
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
