//! NOTIFY, read in place in its frame.

use bytes::Bytes;

use super::{
    ids::{FrameId, StreamId},
    message_ref::MessageRef,
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
    /// The first one, so that a NOTIFY with one message is read only once.
    first: Option<MessageRef<'a>>,
    rest: Reader<'a>,
    owner: Option<&'a Bytes>,
}

impl<'a> MessagesRef<'a> {
    /// Checks all messages of a payload.
    #[inline(always)]
    pub(super) fn read(payload: Reader<'a>, owner: Option<&'a Bytes>) -> Result<Self, WireError> {
        let mut reader = payload;
        let first = match reader.is_empty() {
            true => None,
            false => Some(MessageRef::read(&mut reader, owner)?),
        };
        check(reader)?;
        Ok(Self { first, rest: reader, owner })
    }

    /// Takes bytes that [`read`](Self::read) has read without an error.
    pub(super) fn from_checked(bytes: &'a Bytes) -> Self {
        let mut messages = Self { first: None, rest: Reader::new(bytes), owner: Some(bytes) };
        messages.first = messages.read_next();
        messages
    }

    /// How many bytes they take.
    #[inline]
    pub(crate) fn encoded_len(&self) -> usize {
        self.first.map_or(0, |first| first.as_bytes().len()) + self.rest.left()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    fn read_next(&mut self) -> Option<MessageRef<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        MessageRef::read(&mut self.rest, self.owner).ok()
    }

    /// The first message, and the next ones.
    #[inline(always)]
    pub(crate) fn split_first(self) -> Option<(MessageRef<'a>, Self)> {
        let Self { first, rest, owner } = self;
        Some((first?, Self { first: None, rest, owner }))
    }
}

impl<'a> Iterator for MessagesRef<'a> {
    type Item = MessageRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<MessageRef<'a>> {
        self.first.take().or_else(|| self.read_next())
    }
}

/// Reads and checks all remaining messages.
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
