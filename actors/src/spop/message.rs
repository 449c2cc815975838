//! MESSAGE: what HAProxy says of one event, by name and with arguments.
//!
//! ```text
//! MESSAGE : <MESSAGE-NAME:string><NB-ARGS:1 byte><ARG> …
//! ARG     : <ARG-NAME:string><ARG-VALUE:TYPED-DATA>        (an unnamed argument has an empty name)
//! ```

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{
    message_ref::MessageRef,
    put::Put,
    typed_data::{STRING, TypedData},
    varint,
    wire::Reader,
};

pub(super) const MESSAGE_NAME: &str = "MESSAGE-NAME";
pub(super) const NB_ARGS: &str = "NB-ARGS";
pub(super) const ARG_NAME: &str = "ARG-NAME";

/// One message of a NOTIFY: a slice of the frame that carried it, already checked.
///
/// Nothing is copied or allocated for an argument: [`args`](Self::args) reads them from the frame,
/// in wire order, repeated and unnamed ones included.
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

/// One argument of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arg<'a> {
    /// The name as HAProxy's configuration gives it; empty if it gives none.
    pub name: &'a [u8],
    /// The value.
    pub value: TypedData<'a>,
}

/// The arguments of a message, in wire order.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    left: u8,
    reader: Reader<'a>,
}

impl Message {
    /// A message without arguments, as the HAProxy side of a test or a tool builds it.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        let mut bytes = BytesMut::with_capacity(name.len() + 16);
        varint::write_string(name, &mut bytes);
        bytes.put_byte(0);
        Self { bytes: bytes.freeze() }
    }

    /// Appends an argument; an empty name makes it an unnamed one.
    ///
    /// # Panics
    ///
    /// On the 256th argument: the wire counts them in one byte.
    #[must_use]
    pub fn arg<'a>(self, name: impl AsRef<[u8]>, value: impl Into<TypedData<'a>>) -> Self {
        let name_length = self.name().len();
        let count_at = varint::length(name_length as u64) + name_length;
        let mut bytes = BytesMut::from(self.bytes);
        let count = bytes.get_mut(count_at).expect("a message has NB-ARGS behind its name");
        *count = count.checked_add(1).expect("a message has at most 255 arguments");
        varint::write_string(name.as_ref(), &mut bytes);
        value.into().write(&mut bytes);
        Self { bytes: bytes.freeze() }
    }

    /// The name, which HAProxy's configuration gives after `spoe-message`.
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

    /// The message as it stands in a NOTIFY.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same message, to read from.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> MessageRef<'_> {
        self.into()
    }

    pub(super) fn shared_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Takes bytes that [`MessageRef::read`] has read without an error.
    pub(super) fn from_checked(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

impl<'a> Args<'a> {
    /// The first `left` arguments that `reader` has.
    #[inline]
    pub(super) fn new(left: u8, reader: Reader<'a>) -> Self {
        Self { left, reader }
    }

    /// The name of the next argument; its value is to be taken next.
    #[inline(always)]
    pub(crate) fn next_name(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.reader.string(ARG_NAME).ok()
    }

    /// The value behind a name.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Option<TypedData<'a>> {
        TypedData::read(&mut self.reader).ok()
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = Arg<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left > 0
            && let Some((name, text)) = self.reader.short_pair(STRING)
        {
            self.left -= 1;
            return Some(Arg { name, value: TypedData::String(text) });
        }
        let name = self.next_name()?;
        Some(Arg { name, value: self.value()? })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl ExactSizeIterator for Args<'_> {}

impl fmt::Display for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{}=", self.name.escape_ascii())?;
        }
        self.value.fmt(f)
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
