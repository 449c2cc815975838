//! FRAME: the unit that both sides send.
//!
//! ```text
//! FRAME : <FRAME-LENGTH:4 bytes, big-endian><FRAME-TYPE:1 byte><METADATA><FRAME-PAYLOAD>
//! ```

use bytes::{Buf, Bytes, BytesMut};

use super::{
    ack::Ack,
    disconnect::Disconnect,
    flags::Flags,
    fragment::Fragment,
    frame_type::FrameType,
    head::{FrameHead, encode_around, encode_with},
    hello::{AgentHello, HaproxyHello},
    ids::{FrameId, StreamId},
    notify::{Messages, Notify},
    notify_ref::{MessagesRef, NotifyRef},
    violation::Violation,
    wire::{Reader, WireError},
};

/// Type and flags of a NOTIFY that is not fragmented.
const WHOLE_NOTIFY: [u8; 5] = [FrameType::NOTIFY.0, 0, 0, 0, 1];

/// One frame of either side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// HAProxy opens the connection.
    HaproxyHello(HaproxyHello),
    /// HAProxy ends it.
    HaproxyDisconnect(Disconnect),
    /// HAProxy sends the messages of an event.
    Notify(Notify),
    /// The agent answers HAPROXY-HELLO.
    AgentHello(AgentHello),
    /// The agent ends the connection.
    AgentDisconnect(Disconnect),
    /// The agent answers a NOTIFY.
    Ack(Ack),
    /// A part of a NOTIFY or an ACK: without FIN, with ABORT, or a continuation.
    Fragment(Fragment),
    /// A frame type that the specification does not have.
    Unknown(FrameType),
}

impl Frame {
    /// Decodes the bytes after the length of a frame.
    ///
    /// # Errors
    ///
    /// If the bytes are not a valid frame.
    pub fn decode(mut bytes: Bytes) -> Result<Self, Violation> {
        let mut reader = Reader::new(&bytes);
        let head = FrameHead::read_from(&mut reader)?;
        let read = bytes.len() - reader.left();
        bytes.advance(read);
        let payload = bytes;
        Ok(match head.frame_type {
            FrameType::NOTIFY if head.is_whole() => Self::Notify(Notify {
                stream_id: head.stream_id,
                frame_id: head.frame_id,
                messages: Messages::decode(payload)?,
            }),
            FrameType::ACK if head.is_whole() => {
                Self::Ack(Ack::decode(head.stream_id, head.frame_id, &payload)?)
            }
            FrameType::NOTIFY | FrameType::ACK | FrameType::UNSET => Self::Fragment(Fragment {
                frame_type: head.frame_type,
                flags: head.flags,
                stream_id: head.stream_id,
                frame_id: head.frame_id,
                payload,
            }),
            _ => Self::decode_connection_wide(&head, &payload)?,
        })
    }

    /// Reads an unfragmented NOTIFY in place. Returns `None` for other frames and for reserved
    /// flags.
    #[inline(always)]
    pub(crate) fn whole_notify(bytes: &[u8]) -> Result<Option<NotifyRef<'_>>, WireError> {
        let Some((&WHOLE_NOTIFY, rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let mut reader = Reader::new(rest);
        Ok(Some(NotifyRef {
            stream_id: StreamId(reader.varint("STREAM-ID")?),
            frame_id: FrameId(reader.varint("FRAME-ID")?),
            messages: MessagesRef::read(reader, None)?,
        }))
    }

    fn decode_connection_wide(head: &FrameHead, payload: &[u8]) -> Result<Self, Violation> {
        let decode: fn(&[u8]) -> Result<Self, Violation> = match head.frame_type {
            FrameType::HAPROXY_HELLO => |p| Ok(Self::HaproxyHello(HaproxyHello::decode(p)?)),
            FrameType::HAPROXY_DISCONNECT => {
                |p| Ok(Self::HaproxyDisconnect(Disconnect::decode(p)?))
            }
            FrameType::AGENT_HELLO => |p| Ok(Self::AgentHello(AgentHello::decode(p)?)),
            FrameType::AGENT_DISCONNECT => |p| Ok(Self::AgentDisconnect(Disconnect::decode(p)?)),
            unknown => return Ok(Self::Unknown(unknown)),
        };
        head.connection_wide()?;
        decode(payload)
    }

    /// The FRAME-TYPE of this frame.
    #[must_use]
    pub fn frame_type(&self) -> FrameType {
        match self {
            Self::HaproxyHello(_) => FrameType::HAPROXY_HELLO,
            Self::HaproxyDisconnect(_) => FrameType::HAPROXY_DISCONNECT,
            Self::Notify(_) => FrameType::NOTIFY,
            Self::AgentHello(_) => FrameType::AGENT_HELLO,
            Self::AgentDisconnect(_) => FrameType::AGENT_DISCONNECT,
            Self::Ack(_) => FrameType::ACK,
            Self::Fragment(fragment) => fragment.frame_type,
            Self::Unknown(frame_type) => *frame_type,
        }
    }

    /// Appends the frame with its length.
    pub fn encode(&self, dst: &mut BytesMut) {
        match self {
            Self::HaproxyHello(hello) => {
                encode_whole(FrameType::HAPROXY_HELLO, dst, |dst| hello.encode(dst));
            }
            Self::HaproxyDisconnect(disconnect) => {
                encode_whole(FrameType::HAPROXY_DISCONNECT, dst, |dst| {
                    disconnect.encode(dst);
                });
            }
            Self::AgentHello(hello) => {
                encode_whole(FrameType::AGENT_HELLO, dst, |dst| hello.encode(dst));
            }
            Self::AgentDisconnect(disconnect) => {
                encode_whole(FrameType::AGENT_DISCONNECT, dst, |dst| {
                    disconnect.encode(dst);
                });
            }
            Self::Notify(notify) => {
                let (stream_id, frame_id) = (notify.stream_id, notify.frame_id);
                encode_with(FrameType::NOTIFY, Flags::FIN, stream_id, frame_id, dst, |dst| {
                    notify.messages.encode(dst);
                });
            }
            Self::Ack(ack) => {
                let (stream_id, frame_id) = (ack.stream_id, ack.frame_id);
                let actions = ack.actions.as_bytes();
                encode_around(FrameType::ACK, Flags::FIN, stream_id, frame_id, actions, dst);
            }
            Self::Fragment(fragment) => fragment.encode(dst),
            Self::Unknown(frame_type) => encode_whole(*frame_type, dst, |_| {}),
        }
    }
}

fn encode_whole(frame_type: FrameType, dst: &mut BytesMut, payload: impl FnOnce(&mut BytesMut)) {
    encode_with(frame_type, Flags::FIN, StreamId(0), FrameId(0), dst, payload);
}
