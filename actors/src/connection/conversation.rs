//! Conversation: frames in, ACKs out, for one connection and without its socket.

mod output;
mod reports;
mod steps;

use std::{mem, rc::Rc, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::{Duration, Instant};

use super::detached_notifies::DetachedNotifies;
use crate::{
    arbiter::{AckQueue, AgentContext, ArbiterContext, Generation},
    limits::MAX_DURATION,
    notify::{AckEncoder, Dispatched, InFlight, NotifyContext, dispatch},
    observe::Group,
    origin::{Origin, Peer, PeerAddress},
    spop::{
        Actions, Capabilities, Disconnect, Frame, FrameCodec, LENGTH_SIZE, NotifyRef, Offer,
        Session, VERSION, Violation,
    },
    status::Agreed,
    trace::{ConnectionTrace, NotifyTrace},
    turn::Turn,
};

/// One conversation with one HAProxy engine.
pub(crate) struct Conversation {
    shared: Rc<ArbiterContext>,
    session: Session,
    codec: FrameCodec,
    /// Where the messages come from; the ids are those of the NOTIFY that is taken.
    origin: Origin,
    ack_encoder: AckEncoder,
    in_flight: InFlight,
    /// What both sides can do, and the engine that has said so, once HELLO is agreed.
    greeting: Option<Greeting>,
    /// Where the ACKs of other connections come in, once `async` is agreed.
    ack_queue: Option<AckQueue>,
    /// When the frame, or the fragments, that are not whole yet had begun to come.
    begun: Option<Instant>,
    /// When what is taken had come.
    arrived: Instant,
    turn: Turn,
    /// Whether others have their turn before the next frame is taken.
    is_paused: bool,
    /// Whether there may be whole frames that were read and not taken.
    is_behind: bool,
    /// How many NOTIFYs have come.
    notifies: u64,
    /// How many were answered at once since it was looked.
    answered: u64,
    /// The number of the generation that it was traced by last.
    generation: u64,
    /// What its NOTIFYs are traced with, if they are, once HELLO is agreed.
    trace: Option<Rc<ConnectionTrace>>,
    /// Where the connection came in, and when.
    listener: Arc<str>,
    since: Instant,
    /// Whether it is one over the limit.
    is_excess: bool,
}

/// What HELLO has left behind.
struct Greeting {
    capabilities: Capabilities,
    /// Keeps the connection counted as one of its engine.
    _engine: Rc<Group>,
}

/// This part of the memory is not for messages in flight, but for what their connections read meanwhile.
const RESERVE: usize = 4;

/// Why no more frames are taken from the input now.
pub(crate) enum Flow {
    /// There is no whole frame left.
    Hungry,
    /// As much is in flight, or waits to be sent, as the limits allow.
    Full,
    /// There may be more, after others have had their turn.
    Paused,
    /// The conversation is over.
    Over(End),
}

/// How a conversation ends.
pub(crate) enum End {
    /// It was a health check, and it is answered or refused.
    Healthcheck,
    /// It was none, and there is no place for anything else.
    Excess,
    /// HAProxy said so.
    Disconnected(Disconnect),
    /// HAProxy broke the protocol.
    Violation(Violation),
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl Conversation {
    pub(crate) fn new(
        shared: Rc<ArbiterContext>,
        address: PeerAddress,
        listener: Arc<str>,
        since: Instant,
    ) -> Self {
        Self {
            session: Session::new(Offer {
                asynchronous: shared.ack_router.is_some(),
                ..shared.limits().offer()
            }),
            in_flight: InFlight::new(&shared.common, Rc::clone(&shared.counters)),
            ack_encoder: AckEncoder::new(shared.common.fill_empty_acks),
            shared,
            codec: FrameCodec::default(),
            origin: Origin::new(Peer { address, engine_id: None }),
            greeting: None,
            ack_queue: None,
            begun: None,
            arrived: since,
            turn: Turn::new(since),
            is_paused: false,
            is_behind: false,
            notifies: 0,
            answered: 0,
            generation: 0,
            trace: None,
            listener,
            since,
            is_excess: false,
        }
    }

    /// The same on a connection over the limit, if it is one: only a health check is answered there.
    pub(super) fn excess(self, is_excess: bool) -> Self {
        Self { is_excess, ..self }
    }

    pub(super) fn peer(&self) -> &Peer {
        self.origin.peer()
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.session.is_greeted()
    }

    /// What HELLO has agreed.
    pub(super) fn agreed(&self) -> Option<Agreed> {
        let Greeting { capabilities, .. } = self.greeting.as_ref()?;
        let max_frame_size = self.ack_encoder.max_frame_size;
        Some(Agreed { version: VERSION, max_frame_size, capabilities: *capabilities })
    }

    /// How many messages wait for their answers.
    pub(super) fn waiting(&self) -> usize {
        self.in_flight.waiting()
    }

    /// Whether no NOTIFY waits for its answer, and no answer for being sent.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.ack_queue.as_ref().is_none_or(AckQueue::is_empty)
    }

    /// Whether a frame, or fragments, have begun to come and are not whole yet.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// How many NOTIFYs have come.
    pub(super) fn notifies(&self) -> u64 {
        self.notifies
    }

    /// How many of them wait for their answers.
    pub(super) fn unanswered(&self) -> usize {
        self.in_flight.len()
    }

    /// How many bytes of memory wait for fragments.
    pub(super) fn kept(&self) -> usize {
        self.session.kept()
    }

    /// How many bytes of memory wait for answers, and in ACKs of other connections.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.bytes() + self.ack_queue.as_ref().map_or(0, AckQueue::waiting)
    }

    /// Gives up a NOTIFY whose fragments have not all come.
    pub(super) fn forget(&mut self) {
        self.session.forget();
        self.begun = None;
    }

    /// When the first ACK of what is in flight must leave; now, if one is ready.
    pub(super) fn first_due(&self, now: Instant) -> Option<Instant> {
        self.in_flight.first_due(now)
    }

    /// Whether the peer has not finished in time what it has begun to send.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.read_deadline().is_some_and(|deadline| deadline <= now)
    }

    fn read_deadline(&self) -> Option<Instant> {
        // HELLO has a time of its own.
        let begun = self.begun.filter(|_| self.is_greeted());
        begun.map(|begun| begun + self.shared.limits().read_timeout)
    }

    /// Takes whole frames from `input` and puts what can be answered at once into `output`.
    pub(crate) fn receive(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Flow {
        let now = Instant::now();
        let behind = if self.is_behind {
            now - self.arrived
        } else {
            self.arrived = now;
            Duration::ZERO
        };
        self.origin.set_arrived(self.arrived);
        self.turn.begin(self.shared.next_turn(), now, behind);
        // Once a turn, as all arbiters write to that counter: looking for each NOTIFY would pull its cache
        // line through all cores.
        self.in_flight.look();
        self.answered = 0;
        // Once a wake-up: all that has come is answered by one generation, and an idle connection keeps
        // none of them.
        let generation = self.shared.generation();
        if self.generation != generation.number {
            self.trace_by(&generation);
        }
        let flow = self.take_frames(&generation, input, output);
        self.is_paused = matches!(flow, Flow::Paused);
        // What stays in the input has arrived already: its deadlines count from then, not from the next
        // turn.
        self.is_behind = matches!(flow, Flow::Paused | Flow::Full) && !input.is_empty();
        match flow {
            // The clock of `read_timeout` starts with the first byte of something unfinished, and goes on
            // over further bytes: a peer that sends one byte a second is as slow as one that sends none.
            Flow::Hungry if !input.is_empty() || self.session.is_reassembling() => {
                self.begun.get_or_insert(now);
            }
            Flow::Hungry | Flow::Over(_) => {}
            // It was not asked for more: what is missing is not missing by the fault of the peer.
            Flow::Full | Flow::Paused => self.begun = None,
        }
        if self.answered > 0 {
            self.shared.counters.answered_at_once(self.answered, self.turn.passed());
        }
        flow
    }

    /// Takes frames until there is a reason not to. What they hold is read where it lies.
    fn take_frames(
        &mut self,
        generation: &Generation,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Flow {
        let mut at = 0;
        let flow = loop {
            // In this order: a full connection must not spend its turn, and a turn that is over must not
            // look at a frame that it does not take.
            if self.is_full(output) {
                break Flow::Full;
            }
            if self.turn.is_over() {
                break Flow::Paused;
            }
            let unread = &input[at..];
            let length = match self.codec.whole_frame(unread) {
                Ok(Some(length)) => length,
                Ok(None) => break Flow::Hungry,
                Err(violation) => break Flow::Over(End::Violation(violation)),
            };
            self.turn.take_frame(length);
            at += LENGTH_SIZE + length;
            if let Err(end) = self.take(&unread[LENGTH_SIZE..][..length], generation, output) {
                break Flow::Over(end);
            }
        };
        // Once, at the end: each `advance` of a `BytesMut` costs as much as reading a small frame.
        input.advance(at);
        flow
    }

    /// Takes one frame.
    #[inline]
    fn take(
        &mut self,
        frame: &[u8],
        generation: &Generation,
        output: &mut BytesMut,
    ) -> Result<(), End> {
        // The hot path. A whole NOTIFY is read where it lies, without a `Bytes` of its own; everything else
        // is rare, and takes the way through the session.
        if self.session.takes_notify()
            && let Some(notify) = Frame::whole_notify(frame).map_err(Violation::from)?
        {
            self.begun = None;
            self.shared.counters.notify(LENGTH_SIZE + frame.len());
            self.dispatch(notify, generation, output);
            return Ok(());
        }
        self.take_any(Bytes::copy_from_slice(frame), output)
    }

    /// Settles everything whose deadline has passed by its fallback.
    pub(super) fn expire(&mut self, now: Instant) {
        self.in_flight.expire(now);
    }

    /// Settles everything by its fallback: there is no time left.
    pub(super) fn give_up(&mut self) {
        // No deadline is longer, so this is behind all of them.
        self.in_flight.expire(Instant::now() + MAX_DURATION);
    }

    /// Drops what is in flight: nobody waits for it any more.
    pub(super) fn cancel(&mut self) {
        self.ack_queue = None;
        self.in_flight.cancel();
    }

    /// The connection has gone. What is in flight is dropped, unless `async` was agreed: then it may
    /// be answered on another connection.
    pub(super) fn lose(&mut self) {
        let (Some(ack_queue), Some(ack_router)) = (&self.ack_queue, &self.shared.ack_router) else {
            return self.in_flight.cancel();
        };
        let counters = &self.shared.counters;
        // Its set of futures moves as a whole: wakers of calls in progress stay valid.
        let none = InFlight::new(&self.shared.common, Rc::clone(counters));
        let detached = DetachedNotifies {
            group: ack_queue.group().clone(),
            acks: ack_queue.close(),
            in_flight: mem::replace(&mut self.in_flight, none),
            memory: self.shared.common.memory.clone(),
            ack_router: Rc::clone(ack_router),
            counters: Rc::clone(counters),
        };
        detached.adopt();
    }

    /// Neither trusts this peer with the ACKs of others any more, nor its own to others.
    pub(super) fn leave_ack_router(&mut self) {
        self.ack_queue = None;
    }

    /// Whether others have their turn before more is taken.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether nothing more is to be read: what was read before comes first, and counts from when it came.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether nothing more is to be read: as much is in flight, or unread by the peer, as may be.
    pub(super) fn is_full(&self, output: &BytesMut) -> bool {
        self.in_flight.waiting() >= self.shared.limits().messages_per_connection
            || self.is_clogged(output)
            || self.waits_for_memory()
    }

    /// Whether all connections keep almost as much as they may beside their costs, and this one has
    /// more than its part in flight. Then it looks again soon.
    #[inline]
    pub(super) fn waits_for_memory(&self) -> bool {
        self.in_flight.bytes() > 0 && self.has_too_much_in_flight()
    }

    #[cold]
    fn has_too_much_in_flight(&self) -> bool {
        let AgentContext { start_limits: limits, memory, costs, .. } = &self.shared.common;
        let kept = memory.held().saturating_sub(costs.held());
        self.in_flight.bytes() > limits.part() && kept > limits.memory - limits.memory / RESERVE
    }

    /// Whether the peer has left so much unread that nothing more is put into `output`.
    pub(super) fn is_clogged(&self, output: &BytesMut) -> bool {
        output.len() >= self.shared.limits().output_buffer
    }

    /// Hands a NOTIFY to its handlers.
    #[inline(always)]
    fn dispatch(&mut self, notify: NotifyRef<'_>, generation: &Generation, output: &mut BytesMut) {
        let NotifyRef { stream_id, frame_id, messages } = notify;
        let bytes = messages.encoded_len();
        let (routes, counters) = (&generation.routes, &*self.shared.counters);
        // Both bounds in one number, so that the dispatcher compares once.
        let waiting = self.shared.limits().messages_per_connection.min(self.in_flight.left());
        let (room, begins_turn) = (self.ack_encoder.max_size, self.answered == 0);
        let turn = &self.turn;
        let context = NotifyContext { routes, counters, bytes, room, waiting, begins_turn, turn };
        self.notifies += 1;
        // One origin for all NOTIFYs of a connection: nothing is allocated or counted for it.
        self.origin.set_ids(stream_id, frame_id);
        let mut actions = Actions::new();
        let trace = self.trace.as_ref();
        let mut trace = trace.map(|trace| NotifyTrace::new(trace, &self.origin, &messages));
        match dispatch(messages, &mut self.origin, &context, &mut actions, trace.as_mut()) {
            Dispatched::Now => {
                self.answered += 1;
                match trace {
                    Some(trace) if trace.is_sampled() => {
                        self.put_ack_in(trace, (stream_id, frame_id), actions, output);
                    }
                    _ => {
                        self.put_ack((stream_id, frame_id), &actions, 0, output);
                    }
                }
            }
            Dispatched::InPart(mut finished) => {
                self.answered += 1;
                finished.trace = trace.map(Box::new);
                self.acknowledge(finished, output);
            }
            Dispatched::Later(ack, messages) => {
                self.in_flight.push(ack.traced(trace), messages);
            }
        }
    }
}
