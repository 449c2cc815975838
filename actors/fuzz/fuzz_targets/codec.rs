//! The codec: any split of a stream gives the same frames, and a frame is the same after a round trip.
//!
//! Input: two bytes of limit, two bytes of piece size, then the stream.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use spoa_actors::spop::{CodecError, Frame, FrameCodec, MIN_FRAME_LENGTH, Violation};
use spoa_fuzz::{encoded, metered, model};
use tokio_util::codec::Decoder;

/// The frames of a stream, and what came of it: the bytes that are no frame yet, or its violation.
type Outcome = (Vec<Frame>, Result<Bytes, Violation>);

fn read<'a>(codec: &FrameCodec, pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let (mut frames, mut input) = (Vec::new(), BytesMut::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match codec.cut(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(violation) => return (frames, Err(violation)),
            }
        }
    }
    (frames, Ok(input.freeze()))
}

/// Whether the grammar knows these bytes as a frame; HELLO and DISCONNECT have a target of their own.
fn is_frame(bytes: &[u8]) -> Option<bool> {
    let (head, rest) = bytes.split_first_chunk::<5>()?;
    let (_, rest) = model::varint(rest)?;
    let (_, payload) = model::varint(rest)?;
    let is_whole = head[4] & 3 == 1;
    match head[0] {
        3 if is_whole => model::list(payload, model::message).map(|_| true),
        103 if is_whole => model::list(payload, model::action).map(|_| true),
        1 | 2 | 101 | 102 => Some(false),
        _ => Some(true),
    }
}

/// Reads the frames of a stream one by one, beside their own bytes.
fn each_frame(codec: &FrameCodec, stream: &[u8], limit: u32) {
    let mut input = BytesMut::from(stream);
    loop {
        let wire = Bytes::copy_from_slice(&input);
        let (cut, allocated) = metered(|| codec.cut(&mut input));
        let Some(length) = wire.first_chunk().map(|length| u32::from_be_bytes(*length)) else {
            return assert_eq!(cut, Ok(None));
        };
        if !(MIN_FRAME_LENGTH..=limit).contains(&length) {
            assert!(cut.is_err() && allocated.bytes_total == 0, "judged before it is allocated");
            return;
        }
        let end = 4 + length as usize;
        if wire.len() < end {
            assert!(cut == Ok(None) && allocated.bytes_total == 0);
            return;
        }
        let wire = wire.slice(..end);
        match (cut, is_frame(&wire[4..])) {
            (Ok(Some(frame)), Some(known)) => {
                let is_text = !known;
                // A reference count for the buffer; the texts of a HELLO, at worst all of it replaced.
                let most = if is_text { 8 * u64::from(length) + 512 } else { 128 };
                let kept = if let Frame::Ack(_) = frame { u64::from(length) } else { 0 };
                assert!(allocated.bytes_max <= most + kept, "{allocated:?} for {frame:?}");
                round_trip(&frame, &wire);
            }
            (Err(_), None | Some(false)) => return,
            (cut, known) => panic!("{cut:?} where the grammar says {known:?}: {wire:02x?}"),
        }
    }
}

fn round_trip(frame: &Frame, wire: &[u8]) {
    let bytes = encoded(frame);
    match frame {
        // Kept as it came, but for the reserved bits of the flags.
        Frame::Notify(_) | Frame::Ack(_) | Frame::Fragment(_) => {
            let flags = [0, 0, 0, wire[8] & 3];
            assert_eq!(bytes, [&wire[..5], &flags, &wire[9..]].concat());
        }
        Frame::HaproxyDisconnect(theirs) | Frame::AgentDisconnect(theirs) => {
            assert!(theirs.message.len() <= 3 * wire.len());
        }
        _ => {}
    }
    let again = FrameCodec::new(u32::MAX).cut(&mut bytes.clone());
    let Ok(Some(again)) = again else { panic!("{frame:?} is written as {bytes:02x?}: {again:?}") };
    match (frame, &again) {
        (Frame::HaproxyDisconnect(before), Frame::HaproxyDisconnect(after))
        | (Frame::AgentDisconnect(before), Frame::AgentDisconnect(after)) => {
            assert_eq!(before.status_code, after.status_code);
            assert!(before.message.starts_with(&*after.message) && after.message.len() <= 255);
            assert!(before.message.len() <= 255 || after.message.len() > 251);
        }
        (before, after) => assert_eq!(before, after),
    }
    assert_eq!(encoded(&again), bytes, "there is one way to write it");
}

/// tokio-util's face of the codec says the same, and tells an end inside a frame.
fn framed(codec: &FrameCodec, stream: &[u8], (frames, end): &Outcome) {
    let (mut codec, mut input) = (codec.clone(), BytesMut::from(stream));
    for frame in frames {
        assert!(matches!(codec.decode_eof(&mut input), Ok(Some(same)) if same == *frame));
    }
    match (codec.decode_eof(&mut input), end) {
        (Ok(None), Ok(rest)) => assert!(rest.is_empty()),
        (Err(CodecError::Violation(_)), Ok(rest)) => assert!(!rest.is_empty()),
        (Err(CodecError::Violation(same)), Err(violation)) => assert_eq!(same, *violation),
        (other, end) => panic!("{other:?} where the stream ended with {end:?}"),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&[high, low, first, second], stream)) = data.split_first_chunk() else { return };
    let limit = u32::from_be_bytes([0, 0, high, low]);
    let codec = FrameCodec::new(limit);
    let outcome = read(&codec, std::iter::once(stream));
    for size in [1, 1 + usize::from(first), 1 + usize::from(second)] {
        assert_eq!(read(&codec, stream.chunks(size)), outcome, "in pieces of {size}");
    }
    framed(&codec, stream, &outcome);
    each_frame(&codec, stream, limit);
});
