//! The session: any sequence of frames is answered as the specification says, within the bound of its memory.
//!
//! Input: one byte of reassembly bound, one whose lowest bit says HELLO first, then frames without their lengths
//! between separators, so that no mutation of one shifts the others.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use spoa_actors::{
    spop::{
        Flags, Fragment, Frame, FrameId, FrameType, Messages, Notify, Offer, Session, StatusCode,
        Step, StreamId,
    },
    testing::hello,
};
use spoa_fuzz::{metered, model};

const SEPARATOR: &[u8] = b"----";

/// What has to come of a frame.
#[derive(Debug, PartialEq)]
enum Due {
    Greet,
    Healthcheck,
    Dispatch(StreamId, FrameId, Vec<u8>),
    Overflowed(StreamId, FrameId, Vec<Vec<u8>>),
    Continue,
    Skip,
    Aborted,
    Goodbye,
    Refuse(StatusCode),
}

/// What the peer has said so far, kept as simply as possible: all of it.
struct Peer {
    bound: usize,
    greeted: bool,
    arriving: Option<(StreamId, FrameId, Vec<u8>)>,
}

impl Peer {
    fn due(&mut self, frame: &Frame) -> Due {
        match frame {
            Frame::HaproxyDisconnect(_) => Due::Goodbye,
            Frame::HaproxyHello(hello) if !self.greeted => {
                match hello.agree(256, hello.capabilities) {
                    Err(violation) => Due::Refuse(violation.status()),
                    Ok(_) if hello.healthcheck => Due::Healthcheck,
                    Ok(_) => {
                        self.greeted = true;
                        Due::Greet
                    }
                }
            }
            Frame::Notify(notify) if self.greeted && self.arriving.is_none() => {
                Due::Dispatch(notify.stream_id, notify.frame_id, bytes_of(&notify.messages))
            }
            Frame::Notify(_) if self.greeted => Due::Refuse(StatusCode::INTERLACED),
            Frame::Fragment(fragment) if self.greeted => self.fragment(fragment),
            Frame::Unknown(_) if self.greeted => Due::Skip,
            _ => Due::Refuse(StatusCode::INVALID),
        }
    }

    fn fragment(&mut self, fragment: &Fragment) -> Due {
        let ids = (fragment.stream_id, fragment.frame_id);
        let Some((stream_id, frame_id, mut payload)) = self.arriving.take() else {
            return match fragment.frame_type {
                FrameType::NOTIFY if fragment.flags.abort => Due::Aborted,
                FrameType::NOTIFY => {
                    self.arriving = Some((ids.0, ids.1, fragment.payload.to_vec()));
                    Due::Continue
                }
                FrameType::UNSET => Due::Refuse(StatusCode::FRAME_NOT_FOUND),
                _ => Due::Refuse(StatusCode::INVALID),
            };
        };
        if fragment.frame_type != FrameType::UNSET || ids != (stream_id, frame_id) {
            return Due::Refuse(StatusCode::INTERLACED);
        }
        if fragment.flags.abort {
            return Due::Aborted;
        }
        payload.extend_from_slice(&fragment.payload);
        if fragment.flags == Flags::NONE {
            self.arriving = Some((stream_id, frame_id, payload));
            return Due::Continue;
        }
        if payload.len() > self.bound {
            return Due::Overflowed(stream_id, frame_id, names_in(&payload[..self.bound]));
        }
        match model::list(&payload, model::message) {
            Some(_) => Due::Dispatch(stream_id, frame_id, payload),
            None => Due::Refuse(StatusCode::INVALID),
        }
    }
}

/// The names of the messages that begin in these bytes, 256 at most.
fn names_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (whole, read) = model::leading(bytes, model::message);
    let begun = model::string(&bytes[read.len()..]).map(|(name, _)| name);
    whole.into_iter().map(|(name, _)| name).chain(begun).take(256).map(Vec::from).collect()
}

fn bytes_of(messages: &Messages) -> Vec<u8> {
    messages.clone().flat_map(|message| message.as_bytes().to_vec()).collect()
}

fn is_read_as_the_grammar_says(notify: &Notify) {
    let bytes = bytes_of(&notify.messages);
    let known = model::list(&bytes, model::message).expect("a NOTIFY holds whole messages");
    assert_eq!(notify.messages.len(), known.len());
    for (message, (name, args)) in notify.messages.clone().zip(known) {
        assert_eq!(message.name(), name);
        let read: Vec<_> = message.args().map(|arg| (arg.name, arg.value)).collect();
        assert_eq!(read, args);
    }
}

/// Tells a step in the words of [`Due`].
fn done(step: &Step) -> Due {
    match step {
        Step::Continue => Due::Continue,
        Step::Skip(_) => Due::Skip,
        Step::Greet { ours, .. } => {
            assert_eq!((&*ours.version, ours.max_frame_size), ("2.0", 256));
            Due::Greet
        }
        Step::Healthcheck(_) => Due::Healthcheck,
        Step::Dispatch(notify) => {
            is_read_as_the_grammar_says(notify);
            Due::Dispatch(notify.stream_id, notify.frame_id, bytes_of(&notify.messages))
        }
        Step::Overflowed(notify) => {
            assert!(notify.messages.clone().all(|message| message.args().len() == 0));
            let names = notify.messages.clone().map(|message| message.name().to_vec());
            Due::Overflowed(notify.stream_id, notify.frame_id, names.collect())
        }
        Step::Aborted => Due::Aborted,
        Step::Goodbye(_) => Due::Goodbye,
    }
}

/// All frames of the input; what is no frame ends a connection before the session sees it.
fn frames(input: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut rest = Some(input);
    while let Some(input) = rest {
        let end = input.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        let (piece, behind) = input.split_at(end.unwrap_or(input.len()));
        rest = end.and(behind.get(SEPARATOR.len()..));
        frames.extend(Frame::decode(Bytes::copy_from_slice(piece)));
    }
    frames
}

fuzz_target!(|data: &[u8]| {
    let Some((&[bound, greeting], input)) = data.split_first_chunk() else { return };
    let bound = 4 * usize::from(bound);
    let mut peer = Peer { bound, greeted: false, arriving: None };
    let mut session =
        Session::new(Offer { max_frame_size: 0, max_reassembled_size: bound, ..Offer::default() });
    let greeting = (greeting & 1 == 1).then(|| Frame::HaproxyHello(hello()));
    let mut held = 0;
    for frame in greeting.into_iter().chain(frames(input)) {
        let due = peer.due(&frame);
        // The frame itself outlives the measurement: what is counted is the session's own.
        let received = frame.clone();
        let (step, allocated) = metered(|| session.receive(received));
        let step = match step {
            Ok(step) => step,
            Err(violation) => return assert_eq!(Due::Refuse(violation.status()), due),
        };
        assert_eq!(done(&step), due);
        assert_eq!(session.is_greeted(), peer.greeted);
        if let Step::Continue | Step::Overflowed(_) | Step::Aborted = step {
            held += allocated.bytes_current;
            // A buffer grows by doubling; the names that are kept of too large a NOTIFY replace it.
            let bound = bound as u64;
            assert!(held <= 2 * bound as i64 + 256, "{held} bytes are held, bound {bound}");
            assert!(allocated.bytes_max <= 8 * bound + 1024, "{allocated:?}, bound {bound}");
        }
        match step {
            Step::Goodbye(_) | Step::Healthcheck(_) => return,
            Step::Dispatch(_) | Step::Aborted | Step::Overflowed(_) => held = 0,
            _ => {}
        }
    }
});
