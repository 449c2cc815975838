//! ACK: what the agent answers a NOTIFY with, read where it lies.
//!
//! ```text
//! FRAME  : <FRAME-TYPE:1 byte><FLAGS:4 bytes><STREAM-ID:varint><FRAME-ID:varint><FRAME-PAYLOAD>
//! ACTION : <ACTION-TYPE:1 byte><NB-ARGS:1 byte><VAR-SCOPE:1 byte><VAR-NAME:string>[<TYPED-DATA>]
//! ```
//!
//! Written apart from the library's decoder: it allocates nothing, and is a second opinion.

pub(crate) const ACK: u8 = 103;
pub(crate) const AGENT_DISCONNECT: u8 = 102;
pub(crate) const FIN: u32 = 1;
pub(crate) const ABORT: u32 = 2;

const SET_VAR: u8 = 1;
const UNSET_VAR: u8 = 2;
/// The scopes are proc, sess, txn, req and res.
const LAST_SCOPE: u8 = 4;

/// A frame, the length before it taken off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FrameParts<'a> {
    pub(crate) frame_type: u8,
    pub(crate) flags: u32,
    pub(crate) stream_id: u64,
    pub(crate) frame_id: u64,
    pub(crate) payload: &'a [u8],
}

impl<'a> FrameParts<'a> {
    /// Takes a frame apart; nothing if it ends before its payload.
    #[inline]
    pub(crate) fn read(frame: &'a [u8]) -> Option<Self> {
        let mut bytes = frame;
        let frame_type = byte(&mut bytes)?;
        let (flags, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        let stream_id = varint(&mut bytes)?;
        let frame_id = varint(&mut bytes)?;
        let flags = u32::from_be_bytes(*flags);
        Some(Self { frame_type, flags, stream_id, frame_id, payload: bytes })
    }
}

/// How many actions the payload of an ACK holds; nothing if it is no list of actions to its end.
#[inline]
pub(crate) fn count_actions(mut payload: &[u8]) -> Option<u64> {
    let mut count = 0;
    while !payload.is_empty() {
        skip_action(&mut payload)?;
        count += 1;
    }
    Some(count)
}

#[inline]
fn skip_action(bytes: &mut &[u8]) -> Option<()> {
    let kind = (byte(bytes)?, byte(bytes)?);
    (byte(bytes)? <= LAST_SCOPE).then_some(())?;
    skip_string(bytes)?;
    match kind {
        (SET_VAR, 3) => skip_typed_data(bytes),
        (UNSET_VAR, 2) => Some(()),
        _ => None,
    }
}

#[inline]
fn skip_typed_data(bytes: &mut &[u8]) -> Option<()> {
    match byte(bytes)? & 0x0f {
        // NULL, BOOL
        0 | 1 => Some(()),
        // INT32, UINT32, INT64, UINT64
        2..=5 => varint(bytes).map(drop),
        // IPV4
        6 => skip(bytes, 4),
        // IPV6
        7 => skip(bytes, 16),
        // STRING, BINARY
        8 | 9 => skip_string(bytes),
        _ => None,
    }
}

#[inline]
fn skip_string(bytes: &mut &[u8]) -> Option<()> {
    let length = varint(bytes)?;
    skip(bytes, usize::try_from(length).ok()?)
}

#[inline]
fn skip(bytes: &mut &[u8], length: usize) -> Option<()> {
    *bytes = bytes.get(length..)?;
    Some(())
}

#[inline]
fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

/// A varint of the "peers" protocol: 240 and more go on in groups of 7 bits.
#[inline]
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let first = u64::from(byte(bytes)?);
    if first < 240 {
        return Some(first);
    }
    let mut value = first;
    for shift in (4..64).step_by(7) {
        let next = u64::from(byte(bytes)?);
        let shifted = next << shift;
        (shifted >> shift == next).then_some(())?;
        value = value.checked_add(shifted)?;
        if next < 128 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use spoa_actors::{
        ActionError, Actions, Scope, TypedData,
        spop::{Ack, Frame, FrameId, StreamId},
    };

    use super::*;

    fn actions() -> Result<Actions, ActionError> {
        Actions::none()
            .set_var(Scope::Process, "a", TypedData::Null)?
            .set_var(Scope::Session, "b", true)?
            .set_var(Scope::Session, "c", -1)?
            .set_var(Scope::Transaction, "d", u64::MAX)?
            .set_var(Scope::Request, "e", TypedData::Ipv4([127, 0, 0, 1].into()))?
            .set_var(Scope::Request, "f", TypedData::Ipv6([0; 16].into()))?
            .set_var(Scope::Request, "g", "text")?
            .set_var(Scope::Response, "h", TypedData::Binary(&[7; 300]))?
            .unset_var(Scope::Response, "i")
    }

    #[test]
    fn what_the_library_writes_is_read() {
        for stream_id in [0, 1, 239, 240, 2287, 2288, 264_432, u64::MAX] {
            let (stream_id, frame_id) = (StreamId(stream_id), FrameId(1));
            let actions = actions().unwrap();
            let mut bytes = BytesMut::new();
            Frame::Ack(Ack { stream_id, frame_id, actions }).encode(&mut bytes);
            let parts = FrameParts::read(&bytes[4..]).unwrap();
            assert_eq!((parts.frame_type, parts.flags), (ACK, FIN));
            assert_eq!((parts.stream_id, parts.frame_id), (stream_id.0, 1));
            assert_eq!(count_actions(parts.payload), Some(9));
            // Cut anywhere but behind an action it is no list of actions.
            let well = (0..parts.payload.len())
                .filter(|&end| count_actions(&parts.payload[..end]).is_some());
            assert_eq!(well.count(), 9);
        }
    }

    #[test]
    fn what_is_no_action_is_noticed() {
        for payload in [
            &b"\x03\x02\x01\x01a"[..],
            b"\x01\x02\x01\x01a\x00",
            b"\x02\x03\x01\x01a",
            b"\x02\x02\x05\x01a",
            b"\x01\x03\x01\x01a\x0a",
            b"\x02\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x02\x02\x01\x01a\x00",
        ] {
            assert_eq!(count_actions(payload), None, "{payload:02x?}");
        }
        assert_eq!(count_actions(b""), Some(0));
    }

    #[test]
    fn a_frame_that_ends_in_its_head_is_none() {
        let frame = [103, 0, 0, 0, 1, 0xf0, 0, 1];
        assert!(FrameParts::read(&frame).is_some());
        for end in 0..frame.len() {
            assert_eq!(FrameParts::read(&frame[..end]), None);
        }
    }
}
