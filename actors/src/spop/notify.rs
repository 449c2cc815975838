//! NOTIFY: the messages of one event of one stream, answered by one ACK.
//!
//! ```text
//! NOTIFY           : <STREAM-ID><FRAME-ID><LIST-OF-MESSAGES>
//! LIST-OF-MESSAGES : [ <MESSAGE> … ]                       (may be empty)
//! ```

use std::iter::FusedIterator;

use bytes::{Bytes, BytesMut};

use super::{
    ids::{FrameId, StreamId},
    message::Message,
    message_ref::{MESSAGE_NAME, MessageRef},
    notify_ref::{MessagesRef, NotifyRef},
    put::Put,
    wire::{Reader, WireError},
};

/// How many names are stored of a NOTIFY that is too large to be read.
const MAX_NAMES: usize = 256;

/// A complete NOTIFY, reassembled if it came in fragments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notify {
    /// The stream.
    pub stream_id: StreamId,
    /// The frame of that stream.
    pub frame_id: FrameId,
    /// The messages, in the order of HAProxy's configuration.
    pub messages: Messages,
}

impl Notify {
    /// The same NOTIFY, to read from.
    pub(crate) fn as_ref(&self) -> NotifyRef<'_> {
        NotifyRef {
            stream_id: self.stream_id,
            frame_id: self.frame_id,
            messages: MessagesRef::from_checked(&self.messages.bytes),
        }
    }
}

/// The messages of a NOTIFY, checked, as one slice of the frame. Iterate to take them one by one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Messages {
    bytes: Bytes,
    count: usize,
}

impl Messages {
    /// How many messages remain.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no messages remain. HAProxy 3.1 before August 2025 sends NOTIFYs without messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they take.
    pub(crate) fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn decode(payload: Bytes) -> Result<Self, WireError> {
        // Counted while they are checked: a NOTIFY in fragments can have a million messages.
        let mut reader = Reader::new(&payload);
        let mut count = 0;
        while !reader.is_empty() {
            MessageRef::read(&mut reader, None)?;
            count += 1;
        }
        Ok(Self { bytes: payload, count })
    }

    /// The messages that begin in the front part of a payload, without their arguments.
    pub(super) fn names_in(front: &[u8]) -> Self {
        let mut reader = Reader::new(front);
        let next = || {
            let name = Message::new({ reader }.string(MESSAGE_NAME).ok()?);
            let is_whole = MessageRef::read(&mut reader, None).is_ok();
            if !is_whole {
                reader = Reader::new(&[]);
            }
            Some(name)
        };
        std::iter::from_fn(next).take(MAX_NAMES).collect()
    }

    pub(super) fn encode(&self, dst: &mut BytesMut) {
        dst.put(&self.bytes);
    }
}

impl Iterator for Messages {
    type Item = Message;

    #[inline]
    fn next(&mut self) -> Option<Message> {
        self.count = self.count.checked_sub(1)?;
        if self.count == 0 {
            // The last message is the rest: no second reading, no further reference.
            return Some(Message::from_checked(std::mem::take(&mut self.bytes)));
        }
        let length = MessagesRef::from_checked(&self.bytes).next()?.as_bytes().len();
        Some(Message::from_checked(self.bytes.split_to(length)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Messages {}
impl FusedIterator for Messages {}

impl From<Message> for Messages {
    fn from(message: Message) -> Self {
        [message].into_iter().collect()
    }
}

impl<const N: usize> From<[Message; N]> for Messages {
    fn from(messages: [Message; N]) -> Self {
        messages.into_iter().collect()
    }
}

impl From<Vec<Message>> for Messages {
    fn from(messages: Vec<Message>) -> Self {
        messages.into_iter().collect()
    }
}

impl FromIterator<Message> for Messages {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        let mut bytes = BytesMut::new();
        let mut count = 0;
        for message in messages {
            bytes.put(message.as_bytes());
            count += 1;
        }
        Self { bytes: bytes.freeze(), count }
    }
}
