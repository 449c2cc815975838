//! MESSAGE: a name and its arguments.
//!
//! ```text
//! MESSAGE : <MESSAGE-NAME:string><NB-ARGS:1 byte><ARG> …
//! ```

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{
    arg::Args, message_ref::MessageRef, put::Put, to_typed_data::ToTypedData,
    typed_data::TypedData, varint,
};

/// One message of a NOTIFY, checked, as a slice of its frame.
///
/// [`args`](Self::args) reads the arguments from the frame in wire order, repeated and unnamed ones
/// included. Nothing is copied or allocated for an argument.
///
/// ```
/// use spoa_actors::{Message, TypedData};
///
/// let message = Message::new("log-request").arg("path", "/a").arg("path", "/b").arg("", 443);
/// assert_eq!(message.get("path"), Some(TypedData::String(b"/a")));
/// assert_eq!(message.args().filter(|arg| arg.name == b"path").count(), 2);
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Message {
    /// Exactly one MESSAGE of the grammar.
    bytes: Bytes,
}

impl Message {
    /// A message without arguments, for HAProxy's side in a test or a tool.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        let mut bytes = BytesMut::with_capacity(name.len() + 16);
        varint::write_string(name, &mut bytes);
        bytes.put_byte(0);
        Self { bytes: bytes.freeze() }
    }

    /// Appends an argument. An empty name makes an unnamed one.
    ///
    /// # Panics
    ///
    /// At the 256th argument: the wire counts them in one byte.
    #[must_use]
    pub fn arg(self, name: impl AsRef<[u8]>, value: impl ToTypedData) -> Self {
        let name_length = self.name().len();
        let count_at = varint::length(name_length as u64) + name_length;
        let mut bytes = BytesMut::from(self.bytes);
        let count = bytes.get_mut(count_at).expect("a message has NB-ARGS behind its name");
        *count = count.checked_add(1).expect("a message has at most 255 arguments");
        varint::write_string(name.as_ref(), &mut bytes);
        value.to_typed_data().write(&mut bytes);
        Self { bytes: bytes.freeze() }
    }

    /// The name after `spoe-message` in HAProxy's configuration.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &[u8] {
        self.as_ref().name()
    }

    /// The arguments in wire order.
    #[must_use]
    #[inline]
    pub fn args(&self) -> Args<'_> {
        self.as_ref().args()
    }

    /// The value of the first argument with this name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<TypedData<'_>> {
        self.as_ref().get(name)
    }

    /// The message as encoded in a NOTIFY.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Borrows the message.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> MessageRef<'_> {
        MessageRef::from_checked(&self.bytes)
    }

    /// Takes bytes that [`MessageRef::read`] has read without an error.
    pub(super) fn from_checked(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

impl MessageRef<'_> {
    /// Copies the message, so that it outlives the frame. If it is at least half of a NOTIFY that
    /// came in fragments, it shares the NOTIFY's memory instead.
    #[must_use]
    pub fn to_message(&self) -> Message {
        Message::from_checked(self.to_bytes())
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        message.as_ref()
    }
}

/// `check-client-ip(ip=127.0.0.1, ua="curl")`
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
