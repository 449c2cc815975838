//! FRAME: the unit of the wire, of either side.
//!
//! ```text
//! FRAME    : <FRAME-LENGTH:4 bytes, big-endian><FRAME-TYPE:1 byte><METADATA><FRAME-PAYLOAD>
//! METADATA : <FLAGS:4 bytes, big-endian><STREAM-ID:varint><FRAME-ID:varint>
//! FLAGS    : FIN 0x01 | ABORT 0x02
//! ```

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    ack::Ack,
    disconnect::Disconnect,
    hello::{AgentHello, HaproxyHello},
    ids::{FrameId, StreamId},
    notify::{Messages, Notify},
    varint,
    violation::Violation,
    wire::{Reader, WireError},
};

/// The smallest frame: type, flags and two ids of one byte each.
pub const MIN_FRAME_LENGTH: u32 = 7;

/// The smallest max-frame-size that the specification allows.
pub const MAX_FRAME_SIZE_FLOOR: u32 = 256;

/// The FRAME-TYPE. The set is open: an unknown type survives, to be skipped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FrameType(pub u8);

/// The FLAGS of a frame; unknown bits are ignored on input and zero on output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags {
    /// The last (or only) fragment of a frame.
    pub fin: bool,
    /// The frame is given up.
    pub abort: bool,
}

/// A piece of a frame that came, or leaves, in fragments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fragment {
    /// NOTIFY or ACK on the first fragment, UNSET on those that follow.
    pub frame_type: FrameType,
    /// FIN on the last one.
    pub flags: Flags,
    /// The stream, the same in all fragments of a frame.
    pub stream_id: StreamId,
    /// The frame of that stream, the same in all its fragments.
    pub frame_id: FrameId,
    /// The piece.
    pub payload: Bytes,
}

/// One frame of either side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// HAProxy opens the connection.
    HaproxyHello(HaproxyHello),
    /// HAProxy ends it.
    HaproxyDisconnect(Disconnect),
    /// HAProxy notifies of an event.
    Notify(Notify),
    /// The agent answers the opening.
    AgentHello(AgentHello),
    /// The agent ends the connection.
    AgentDisconnect(Disconnect),
    /// The agent answers a NOTIFY.
    Ack(Ack),
    /// A NOTIFY or an ACK that is not whole: without FIN, with ABORT, or a continuation.
    Fragment(Fragment),
    /// A type that the specification does not know.
    Unknown(FrameType),
}

impl FrameType {
    /// A continuation of a fragmented frame.
    pub const UNSET: Self = Self(0);
    /// HAPROXY-HELLO.
    pub const HAPROXY_HELLO: Self = Self(1);
    /// HAPROXY-DISCONNECT.
    pub const HAPROXY_DISCONNECT: Self = Self(2);
    /// NOTIFY.
    pub const NOTIFY: Self = Self(3);
    /// AGENT-HELLO.
    pub const AGENT_HELLO: Self = Self(101);
    /// AGENT-DISCONNECT.
    pub const AGENT_DISCONNECT: Self = Self(102);
    /// ACK.
    pub const ACK: Self = Self(103);

    /// The specification's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UNSET => "UNSET",
            Self::HAPROXY_HELLO => "HAPROXY-HELLO",
            Self::HAPROXY_DISCONNECT => "HAPROXY-DISCONNECT",
            Self::NOTIFY => "NOTIFY",
            Self::AGENT_HELLO => "AGENT-HELLO",
            Self::AGENT_DISCONNECT => "AGENT-DISCONNECT",
            Self::ACK => "ACK",
            _ => "a frame of unknown type",
        }
    }
}

impl Flags {
    /// The flags of a whole frame.
    pub const FIN: Self = Self { fin: true, abort: false };
    /// The flags of a fragment that others follow.
    pub const NONE: Self = Self { fin: false, abort: false };

    const FIN_BIT: u32 = 0x0000_0001;
    const ABORT_BIT: u32 = 0x0000_0002;

    fn from_bits(bits: u32) -> Self {
        Self { fin: bits & Self::FIN_BIT != 0, abort: bits & Self::ABORT_BIT != 0 }
    }

    fn bits(self) -> u32 {
        (u32::from(self.fin) * Self::FIN_BIT) | (u32::from(self.abort) * Self::ABORT_BIT)
    }
}

/// Everything before the payload, the length excepted.
struct Head {
    frame_type: FrameType,
    flags: Flags,
    stream_id: StreamId,
    frame_id: FrameId,
}

impl Head {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            frame_type: FrameType(reader.byte("FRAME-TYPE")?),
            flags: Flags::from_bits(u32::from_be_bytes(reader.array("FLAGS")?)),
            stream_id: StreamId(reader.varint("STREAM-ID")?),
            frame_id: FrameId(reader.varint("FRAME-ID")?),
        })
    }

    fn is_whole(&self) -> bool {
        self.flags == Flags::FIN
    }

    /// HELLO and DISCONNECT belong to no stream and are never fragmented.
    fn connection_wide(&self) -> Result<(), WireError> {
        let term = self.frame_type.name();
        if !self.flags.fin {
            Err(WireError::NotFinal { term })
        } else if (self.stream_id, self.frame_id) != (StreamId(0), FrameId(0)) {
            Err(WireError::NonZeroIds { term })
        } else {
            Ok(())
        }
    }
}

impl Frame {
    /// Decodes the bytes behind the length of a frame.
    ///
    /// # Errors
    ///
    /// If they are not a frame of the grammar.
    pub fn decode(mut bytes: Bytes) -> Result<Self, Violation> {
        let mut reader = Reader::new(&bytes);
        let head = Head::read(&mut reader)?;
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

    fn decode_connection_wide(head: &Head, payload: &[u8]) -> Result<Self, Violation> {
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
                encode_with(FrameType::ACK, Flags::FIN, stream_id, frame_id, dst, |dst| {
                    dst.put_slice(ack.actions.as_bytes());
                });
            }
            Self::Fragment(fragment) => fragment.encode(dst),
            Self::Unknown(frame_type) => encode_whole(*frame_type, dst, |_| {}),
        }
    }
}

impl Fragment {
    fn encode(&self, dst: &mut BytesMut) {
        encode_with(self.frame_type, self.flags, self.stream_id, self.frame_id, dst, |dst| {
            dst.put_slice(&self.payload);
        });
    }
}

fn encode_whole(frame_type: FrameType, dst: &mut BytesMut, payload: impl FnOnce(&mut BytesMut)) {
    encode_with(frame_type, Flags::FIN, StreamId(0), FrameId(0), dst, payload);
}

/// Appends a frame around `payload`; the length is repaired once it is known.
#[inline]
pub(super) fn encode_with(
    frame_type: FrameType,
    flags: Flags,
    stream_id: StreamId,
    frame_id: FrameId,
    dst: &mut BytesMut,
    payload: impl FnOnce(&mut BytesMut),
) {
    let start = dst.len();
    dst.put_u32(0);
    dst.put_u8(frame_type.0);
    dst.put_u32(flags.bits());
    varint::write(stream_id.0, dst);
    varint::write(frame_id.0, dst);
    payload(dst);
    let length = u32::try_from(dst.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(head) = dst.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *head = length.to_be_bytes();
    }
}

/// How many bytes of a frame with these ids are not payload, the length itself not counted.
pub(super) fn overhead(stream_id: StreamId, frame_id: FrameId) -> usize {
    5 + varint::length(stream_id.0) + varint::length(frame_id.0)
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
