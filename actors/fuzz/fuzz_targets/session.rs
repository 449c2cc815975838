//! The session: any sequence of frames is answered as the specification says, within the bound of its memory; and
//! so is it by the whole way of a frame, on which every NOTIFY gets exactly one ACK.
//!
//! Input: one byte of reassembly bound, one whose lowest bit says HELLO first, then frames without their lengths
//! between separators, so that no mutation of one shifts the others.
#![no_main]

use actix_rt::{System, SystemRunner, task::yield_now};
use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use spoa_actors::{
    Action, Actions, BoxError, Limits, MessageRef, Origin, ReadyHandler, Registry, Route, Scope,
    TypedData,
    spop::{
        Ack, Flags, Fragment, Frame, FrameCodec, FrameId, FrameType, Messages, Notify, Offer,
        Session, StatusCode, Step, StreamId,
    },
    testing::{Exchange, hello},
};
use spoa_fuzz::{encoded, metered, model};

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
    Disconnect,
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
            Frame::HaproxyDisconnect(_) => Due::Disconnect,
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
        Step::Disconnected(_) => Due::Disconnect,
    }
}

/// Answers every message with how many arguments it has.
struct Counts;

impl ReadyHandler for Counts {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        Ok(Actions::new().set_var(Scope::Transaction, "n", message.args().count() as u64)?)
    }
}

thread_local! {
    static SYSTEM: SystemRunner = System::new();
}

/// Lets the tasks of an agent that is gone come to their ends: the next input begins with nothing.
struct Rest;

impl Drop for Rest {
    fn drop(&mut self) {
        let tasks = async {
            yield_now().await;
            yield_now().await;
        };
        SYSTEM.with(|system| system.block_on(tasks));
    }
}

/// An agent without a socket, and the longest frame that it takes.
struct Agent {
    exchange: Exchange,
    longest: usize,
}

impl Agent {
    fn start(bound: usize) -> Self {
        let registry = Registry::new().catch_all(Route::ready(|| Counts));
        let limits = Limits::default().max_reassembled_size(bound);
        let start = Exchange::start(registry, limits);
        let exchange = SYSTEM.with(|system| system.block_on(start)).expect("an agent that starts");
        Self { exchange, longest: FrameCodec::HELLO_LIMIT as usize }
    }

    /// Checks what the agent does about a frame; says whether it takes more.
    fn take(&mut self, frame: &[u8], due: &Due) -> bool {
        let mut input = BytesMut::from(&(frame.len() as u32).to_be_bytes()[..]);
        input.extend_from_slice(frame);
        let mut output = BytesMut::new();
        let goes_on = self.exchange.exchange(&mut input, &mut output);
        let codec = FrameCodec::new(u32::MAX);
        let said: Vec<_> =
            std::iter::from_fn(|| codec.cut(&mut output).expect("whole frames")).collect();
        if frame.len() > self.longest {
            assert!(!goes_on && said.is_empty());
            return false;
        }
        match (due, &said[..]) {
            (Due::Greet, [Frame::AgentHello(hello)]) => {
                self.longest = hello.max_frame_size as usize;
            }
            (Due::Dispatch(stream_id, frame_id, messages), [Frame::Ack(ack)]) => {
                assert_eq!((ack.stream_id, ack.frame_id), (*stream_id, *frame_id));
                is_answered(messages, ack);
            }
            (Due::Dispatch(stream_id, frame_id, _), [Frame::Fragment(first), .., last]) => {
                let Frame::Fragment(last) = last else { panic!("{said:?}") };
                assert!(first.frame_type == FrameType::ACK && last.flags == Flags::FIN);
                let ids = [first, last].map(|piece| (piece.stream_id, piece.frame_id));
                assert_eq!(ids, [(*stream_id, *frame_id); 2]);
            }
            (Due::Overflowed(stream_id, frame_id, _), [Frame::Ack(ack)]) => {
                assert_eq!((ack.stream_id, ack.frame_id), (*stream_id, *frame_id));
                assert!(ack.actions.is_empty());
            }
            (Due::Continue | Due::Skip | Due::Aborted, []) => {}
            (Due::Healthcheck, [Frame::AgentHello(_)]) | (Due::Disconnect | Due::Refuse(_), []) => {
                assert!(!goes_on);
                return false;
            }
            other => panic!("{other:?}"),
        }
        let seen = self.exchange.statistics();
        assert!(goes_on && input.is_empty() && seen.notifies == seen.acks);
        true
    }
}

/// Checks that an ACK has the answers to these messages in their order, but for those beyond its size.
fn is_answered(messages: &[u8], ack: &Ack) {
    let messages = model::list(messages, model::message).expect("a NOTIFY holds whole messages");
    for (action, (_, args)) in ack.actions.iter().zip(&messages) {
        let value = TypedData::from(args.len() as u64);
        assert_eq!(action, Action::SetVar { scope: Scope::Transaction, name: b"n", value });
    }
    let count = ack.actions.iter().count();
    assert!(count == messages.len() || (20..messages.len()).contains(&count));
}

/// All frames of the input, and their bytes; what is no frame ends a connection before the session sees it.
fn frames(input: &[u8]) -> Vec<(Bytes, Frame)> {
    let mut frames = Vec::new();
    let mut rest = Some(input);
    while let Some(input) = rest {
        let end = input.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        let (piece, behind) = input.split_at(end.unwrap_or(input.len()));
        rest = end.and(behind.get(SEPARATOR.len()..));
        let piece = Bytes::copy_from_slice(piece);
        frames.extend(Frame::decode(piece.clone()).map(|frame| (piece, frame)));
    }
    frames
}

fuzz_target!(|data: &[u8]| {
    let Some((&[bound, greeting], input)) = data.split_first_chunk() else { return };
    // A bound of 0 is refused.
    let bound = 4 * usize::from(bound) + 1;
    let mut peer = Peer { bound, greeted: false, arriving: None };
    let mut session =
        Session::new(Offer { max_frame_size: 0, max_reassembled_size: bound, ..Offer::default() });
    let _rest = Rest;
    let mut agent = Some(Agent::start(bound));
    let greeting = (greeting & 1 == 1).then(|| {
        let frame = Frame::HaproxyHello(hello());
        (encoded(&frame).split_off(4).freeze(), frame)
    });
    let mut held = 0;
    for (bytes, frame) in greeting.into_iter().chain(frames(input)) {
        let due = peer.due(&frame);
        agent = agent.and_then(|mut agent| agent.take(&bytes, &due).then_some(agent));
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
            Step::Disconnected(_) | Step::Healthcheck(_) => return,
            Step::Dispatch(_) | Step::Aborted | Step::Overflowed(_) => held = 0,
            _ => {}
        }
    }
});
