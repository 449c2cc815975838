//! What the floor reads of a frame: its length, its type, its ids; and what it says.

use bytes::{Bytes, BytesMut};
use spoa_actors::spop::{
    AgentHello, Capabilities, Disconnect, Frame, FrameType, HaproxyHello, StatusCode,
};

/// The largest frame, in bytes; HAProxy announces its own, and the smaller one counts.
pub(super) const MAX_FRAME_SIZE: u32 = 1 << 20;

const LENGTH_SIZE: usize = 4;
/// Length, FRAME-TYPE and FLAGS: where the ids begin.
const IDS_AT: usize = LENGTH_SIZE + 1 + 4;
/// FRAME-TYPE 103 and FLAGS with FIN.
const ACK_HEAD: [u8; 5] = [103, 0, 0, 0, 1];
/// set-var, 3 arguments, session; `ip_score`; 10 as INT64.
const ACTION: &[u8] = b"\x01\x03\x01\x08ip_score\x04\x0a";

/// What became of the bytes that came.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Answered {
    /// How many of them were whole frames.
    pub(super) read: usize,
    /// How many bytes the frame behind them has, if that is known already.
    pub(super) wanted: usize,
    /// Whether the peer has said farewell, or what is no SPOP.
    pub(super) is_over: bool,
}

/// Appends an answer for every whole frame.
pub(super) fn answer(input: &[u8], output: &mut Vec<u8>) -> Answered {
    let mut answered = Answered::default();
    loop {
        let left = &input[answered.read..];
        let Some(length) = left.first_chunk::<LENGTH_SIZE>() else { return answered };
        let Ok(length) = usize::try_from(u32::from_be_bytes(*length)) else { return answered };
        let size = LENGTH_SIZE + length;
        if length > MAX_FRAME_SIZE as usize || length < IDS_AT - LENGTH_SIZE {
            return Answered { is_over: true, ..answered };
        }
        let Some(frame) = left.get(..size) else {
            return Answered { wanted: size, ..answered };
        };
        answered.read += size;
        answered.is_over = match FrameType(frame[LENGTH_SIZE]) {
            FrameType::NOTIFY => acknowledge(&frame[IDS_AT..], output).is_none(),
            _ => other(&frame[LENGTH_SIZE..], output),
        };
        if answered.is_over {
            return answered;
        }
    }
}

/// The ids are repeated as they stand.
#[inline]
fn acknowledge(behind_flags: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let stream_id = varint_size(behind_flags)?;
    let ids = stream_id + varint_size(&behind_flags[stream_id..])?;
    let length = u32::try_from(ACK_HEAD.len() + ids + ACTION.len()).ok()?;
    output.extend_from_slice(&length.to_be_bytes());
    output.extend_from_slice(&ACK_HEAD);
    output.extend_from_slice(&behind_flags[..ids]);
    output.extend_from_slice(ACTION);
    Some(())
}

#[inline]
fn varint_size(bytes: &[u8]) -> Option<usize> {
    if *bytes.first()? < 0xf0 {
        return Some(1);
    }
    Some(2 + bytes[1..].iter().position(|byte| *byte < 0x80)?)
}

/// Answers what is no NOTIFY with the library's protocol: it comes once a connection. Says whether
/// the connection is over.
#[cold]
fn other(frame: &[u8], output: &mut Vec<u8>) -> bool {
    let answer = match Frame::decode(Bytes::copy_from_slice(frame)) {
        Ok(Frame::HaproxyHello(hello)) => agree(&hello),
        Ok(Frame::HaproxyDisconnect(_)) => farewell(StatusCode::NORMAL),
        _ => farewell(StatusCode::INVALID),
    };
    let mut bytes = BytesMut::new();
    answer.encode(&mut bytes);
    output.extend_from_slice(&bytes);
    matches!(answer, Frame::AgentDisconnect(_))
}

fn agree(hello: &HaproxyHello) -> Frame {
    let ours = Capabilities { pipelining: true, ..Capabilities::default() };
    match hello.agree(MAX_FRAME_SIZE, ours) {
        Ok(hello) => Frame::AgentHello(AgentHello { capabilities: ours, ..hello }),
        Err(violation) => farewell(violation.status()),
    }
}

fn farewell(status_code: StatusCode) -> Frame {
    Frame::AgentDisconnect(Disconnect::new(status_code))
}

#[cfg(test)]
mod tests {
    use spoa_actors::spop::{FrameId, Message, Notify, StreamId};

    use super::*;

    fn notify(stream_id: u64, frame_id: u64) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        let messages = Message::new("check-client-ip").arg("ip", "x").into();
        let (stream_id, frame_id) = (StreamId(stream_id), FrameId(frame_id));
        Frame::Notify(Notify { stream_id, frame_id, messages }).encode(&mut bytes);
        bytes.to_vec()
    }

    #[test]
    fn ids_of_every_length_are_repeated() {
        for id in [1, 0xef, 0xf0, 2287, 2288, 264_431, u64::from(u32::MAX), u64::MAX] {
            let (input, mut output) = (notify(id, id), Vec::new());
            let answered = answer(&input, &mut output);
            assert_eq!(answered, Answered { read: input.len(), ..Answered::default() });
            let ack = Frame::decode(Bytes::copy_from_slice(&output[LENGTH_SIZE..])).unwrap();
            let Frame::Ack(ack) = ack else { panic!("{ack:?}") };
            assert_eq!((ack.stream_id, ack.frame_id), (StreamId(id), FrameId(id)));
            assert_eq!(ack.actions.to_string(), "set-var sess.ip_score 10");
        }
    }

    #[test]
    fn a_frame_that_has_begun_says_how_much_it_wants() {
        let mut input = notify(1, 1);
        let size = input.len();
        input.extend_from_slice(&notify(3, 1)[..size - 1]);
        let answered = answer(&input, &mut Vec::new());
        assert_eq!(answered, Answered { read: size, wanted: size, is_over: false });
    }

    #[test]
    fn what_is_no_spop_is_over() {
        assert!(answer(b"GET / HTTP/1.1\r\n", &mut Vec::new()).is_over);
        assert!(answer(&[0, 0, 0, 0], &mut Vec::new()).is_over);
    }
}
