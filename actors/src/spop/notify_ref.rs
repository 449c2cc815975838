//! A NOTIFY where it lies in its frame.

use bytes::Bytes;

use super::{
    ids::{FrameId, StreamId},
    message_ref::MessageRef,
    notify::Notify,
    wire::{Reader, WireError},
};

/// A complete NOTIFY, borrowed from the frame that carries it.
#[derive(Clone, Debug)]
pub(crate) struct NotifyRef<'a> {
    pub(crate) stream_id: StreamId,
    pub(crate) frame_id: FrameId,
    pub(crate) messages: MessagesRef<'a>,
}

/// The messages of a NOTIFY, in order and already checked.
#[derive(Clone, Debug)]
pub(crate) struct MessagesRef<'a> {
    /// The next one: a NOTIFY of one message is read over only once.
    next: Option<MessageRef<'a>>,
    rest: Reader<'a>,
    owner: Option<&'a Bytes>,
}

impl<'a> MessagesRef<'a> {
    #[inline(always)]
    pub(super) fn read(payload: Reader<'a>, owner: Option<&'a Bytes>) -> Result<Self, WireError> {
        let mut reader = payload;
        let next = match reader.is_empty() {
            true => None,
            false => Some(MessageRef::read(&mut reader, owner)?),
        };
        let rest = reader;
        check(reader)?;
        Ok(Self { next, rest, owner })
    }

    /// How many bytes they take.
    pub(crate) fn encoded_len(&self) -> usize {
        self.next.map_or(0, |next| next.as_bytes().len()) + self.rest.left()
    }
}

impl<'a> Iterator for MessagesRef<'a> {
    type Item = MessageRef<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<MessageRef<'a>> {
        let next = self.next.take()?;
        if !self.rest.is_empty() {
            self.read_next();
        }
        Some(next)
    }
}

impl MessagesRef<'_> {
    fn read_next(&mut self) {
        self.next = MessageRef::read(&mut self.rest, self.owner).ok();
    }
}

/// Reads over all messages that are left.
#[inline]
fn check(mut reader: Reader<'_>) -> Result<(), WireError> {
    while !reader.is_empty() {
        skip(&mut reader)?;
    }
    Ok(())
}

fn skip(reader: &mut Reader<'_>) -> Result<(), WireError> {
    MessageRef::read(reader, None).map(drop)
}

impl Notify {
    /// The same NOTIFY, to read from.
    pub(crate) fn as_ref(&self) -> NotifyRef<'_> {
        let bytes = self.messages.shared_bytes();
        let nothing = MessagesRef { next: None, rest: Reader::new(&[]), owner: None };
        NotifyRef {
            stream_id: self.stream_id,
            frame_id: self.frame_id,
            // They were checked when they came.
            messages: MessagesRef::read(Reader::new(bytes), Some(bytes)).unwrap_or(nothing),
        }
    }
}
