//! Just enough SPOP to cut frames out of a stream of bytes and to read their ids.
//!
//! Kept apart from the library's own decoder on purpose: it is the second opinion.

/// The head of a frame: <https://www.haproxy.org/download/3.0/doc/SPOE.txt>, section 3.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHead {
    /// 1 HAPROXY-HELLO, 2 HAPROXY-DISCONNECT, 3 NOTIFY, 0 its continuation; 101, 102, 103 the agent's.
    pub frame_type: u8,
    /// 1 FIN, 2 ABORT.
    pub flags: u32,
    /// STREAM-ID.
    pub stream_id: u64,
    /// FRAME-ID.
    pub frame_id: u64,
}

impl FrameHead {
    /// The type of a continuation of a NOTIFY.
    pub const UNSET: u8 = 0;
    /// The type of a HAPROXY-HELLO.
    pub const HAPROXY_HELLO: u8 = 1;
    /// The type of a NOTIFY.
    pub const NOTIFY: u8 = 3;
    /// The type of an AGENT-HELLO.
    pub const AGENT_HELLO: u8 = 101;
    /// The type of an ACK.
    pub const ACK: u8 = 103;
    /// The type of an AGENT-DISCONNECT.
    pub const AGENT_DISCONNECT: u8 = 102;

    /// Reads the head of a frame that begins after its length; `None` if it is cut short.
    #[must_use]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (&frame_type, rest) = frame.split_first()?;
        let (flags, rest) = rest.split_first_chunk()?;
        let (stream_id, rest) = varint(rest)?;
        let (frame_id, _) = varint(rest)?;
        Some(Self { frame_type, flags: u32::from_be_bytes(*flags), stream_id, frame_id })
    }

    /// Stream-id and frame-id.
    #[must_use]
    pub fn ids(&self) -> (u64, u64) {
        (self.stream_id, self.frame_id)
    }
}

/// Cuts whole frames off the front: each with its bytes after the length, and the offset of its end.
pub(crate) fn cut(mut stream: &[u8]) -> Vec<(usize, &[u8])> {
    let mut frames = Vec::new();
    let mut end = 0;
    while let Some((length, rest)) = stream.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((frame, rest)) = rest.split_at_checked(length) else {
            break;
        };
        end += 4 + length;
        frames.push((end, frame));
        stream = rest;
    }
    frames
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut value = u64::from(first);
    if first < 240 {
        return Some((value, rest));
    }
    for shift in (4..64).step_by(7) {
        let (&next, after) = rest.split_first()?;
        rest = after;
        value = value.wrapping_add(u64::from(next) << shift);
        if next < 128 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{FrameHead, cut, varint};

    #[test]
    fn varints_are_those_of_the_peers_protocol() {
        for (bytes, value) in [
            (&[0xef][..], 239),
            (&[0xf0, 0x00], 240),
            (&[0xff, 0x7f], 2287),
            (&[0xf0, 0x80, 0x00], 2288),
            (
                &[0xfb, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e],
                (-5_i64).cast_unsigned(),
            ),
        ] {
            assert_eq!(varint(bytes), Some((value, &[][..])));
        }
    }

    #[test]
    fn frames_are_cut_off_a_stream_and_an_unfinished_one_is_left() {
        let stream = [0, 0, 0, 7, 103, 0, 0, 0, 1, 5, 1, 0, 0, 0, 9, 3];
        let frames = cut(&stream);
        assert_eq!(frames.len(), 1);
        let (end, frame) = frames[0];
        let head = FrameHead { frame_type: 103, flags: 1, stream_id: 5, frame_id: 1 };
        assert_eq!((end, FrameHead::read(frame)), (11, Some(head)));
    }
}
