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
    /// The origin of the messages; its ids are those of the current NOTIFY.
    origin: Origin,
    ack_encoder: AckEncoder,
    in_flight: InFlight,
    /// The agreed capabilities and the engine, once HELLO is agreed.
    greeting: Option<Greeting>,
    /// The queue for ACKs of other connections, once `async` is agreed.
    ack_queue: Option<AckQueue>,
    /// When the incomplete frame, or fragments, began to arrive.
    begun: Option<Instant>,
    /// When the current bytes arrived.
    arrived: Instant,
    turn: Turn,
    /// Whether other connections have their turn before the next frame.
    is_paused: bool,
    /// Whether the input can have complete frames that are not handled.
    is_behind: bool,
    /// How many NOTIFYs arrived.
    notifies: u64,
    /// How many were answered at once since the last look.
    answered: u64,
    /// The number of the generation that it was traced by last.
    generation: u64,
    /// The trace of the connection, once HELLO is agreed.
    trace: Option<Rc<ConnectionTrace>>,
    /// The listener of the connection, and when it was accepted.
    listener: Arc<str>,
    since: Instant,
    /// Whether the connection is over the limit.
    is_excess: bool,
}

/// The result of HELLO.
struct Greeting {
    capabilities: Capabilities,
    /// Counts the connection as one of its engine.
    _engine: Rc<Group>,
}

/// A quarter of the memory is not for messages in flight, but for what connections read meanwhile.
const RESERVE: usize = 4;

/// Why no more frames are taken from the input.
pub(crate) enum Flow {
    /// The input has no complete frame.
    Hungry,
    /// The limit of messages in flight, or of unsent output, is reached.
    Full,
    /// Other connections have their turn first.
    Paused,
    /// The conversation is over.
    Over(End),
}

/// How a conversation ends.
pub(crate) enum End {
    /// It was a health check, answered or refused.
    Healthcheck,
    /// It was not a health check, and the connection limit is reached.
    Excess,
    /// HAProxy sent DISCONNECT.
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

    /// Marks the connection as over the limit: only a health check is answered on it.
    pub(super) fn excess(self, is_excess: bool) -> Self {
        Self { is_excess, ..self }
    }

    pub(super) fn peer(&self) -> &Peer {
        self.origin.peer()
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.session.is_greeted()
    }

    /// What both sides agreed on in HELLO.
    pub(super) fn agreed(&self) -> Option<Agreed> {
        let Greeting { capabilities, .. } = self.greeting.as_ref()?;
        let max_frame_size = self.ack_encoder.max_frame_size;
        Some(Agreed { version: VERSION, max_frame_size, capabilities: *capabilities })
    }

    /// How many messages wait for answers.
    pub(super) fn waiting(&self) -> usize {
        self.in_flight.waiting()
    }

    /// Whether no NOTIFY waits for its answer, and no answer waits to be sent.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.ack_queue.as_ref().is_none_or(AckQueue::is_empty)
    }

    /// Whether a frame, or fragments, are incomplete.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// How many NOTIFYs arrived.
    pub(super) fn notifies(&self) -> u64 {
        self.notifies
    }

    /// How many of them wait for answers.
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

    /// Drops an incomplete NOTIFY in fragments.
    pub(super) fn forget(&mut self) {
        self.session.forget();
        self.begun = None;
    }

    /// When the first ACK in flight must leave; now, if one is ready.
    pub(super) fn first_due(&self, now: Instant) -> Option<Instant> {
        self.in_flight.first_due(now)
    }

    /// Whether the peer has not completed a frame in time.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.read_deadline().is_some_and(|deadline| deadline <= now)
    }

    fn read_deadline(&self) -> Option<Instant> {
        // HELLO has its own timeout.
        let begun = self.begun.filter(|_| self.is_greeted());
        begun.map(|begun| begun + self.shared.limits().read_timeout)
    }

    /// Takes complete frames from `input`, and appends immediate answers to `output`.
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
        // Once per turn, because all arbiters write to that counter: reading it for each NOTIFY
        // would move its cache line between cores.
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
        // The bytes in the input have arrived: their deadlines count from then, not from the next
        // turn.
        self.is_behind = matches!(flow, Flow::Paused | Flow::Full) && !input.is_empty();
        match flow {
            // The clock of `read_timeout` starts with the first byte of an incomplete frame, and
            // continues over further bytes: a peer that sends one byte per second is as slow as one
            // that sends none.
            Flow::Hungry if !input.is_empty() || self.session.is_reassembling() => {
                self.begun.get_or_insert(now);
            }
            Flow::Hungry | Flow::Over(_) => {}
            // Reading was paused: missing bytes are not the peer's fault.
            Flow::Full | Flow::Paused => self.begun = None,
        }
        if self.answered > 0 {
            self.shared.counters.answered_at_once(self.answered, self.turn.passed());
        }
        flow
    }

    /// Takes frames until there is a reason to stop. They are read in place.
    fn take_frames(
        &mut self,
        generation: &Generation,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Flow {
        let mut at = 0;
        let flow = loop {
            // In this order: a full connection must not use up its turn, and a finished turn must
            // not read a frame that it does not take.
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
        // The hot path. A complete NOTIFY is read in place, without a `Bytes` of its own;
        // everything else is rare, and goes through the session.
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

    /// Completes messages whose deadline has passed with their fallbacks.
    pub(super) fn expire(&mut self, now: Instant) {
        self.in_flight.expire(now);
    }

    /// Completes all messages with their fallbacks: there is no time left.
    pub(super) fn give_up(&mut self) {
        // No deadline is longer, so this is after all of them.
        self.in_flight.expire(Instant::now() + MAX_DURATION);
    }

    /// Drops what is in flight: the answers are no longer awaited.
    pub(super) fn cancel(&mut self) {
        self.ack_queue = None;
        self.in_flight.cancel();
    }

    /// The connection is lost. What is in flight is dropped, unless `async` was agreed: then it can
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

    /// From now on, this peer neither gets other connections' ACKs nor gives them its own.
    pub(super) fn leave_ack_router(&mut self) {
        self.ack_queue = None;
    }

    /// Whether other connections have their turn before more is taken.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether reading is paused, because earlier bytes come first and count from their arrival.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether reading is paused, because the limit of messages in flight or of unread output is
    /// reached.
    pub(super) fn is_full(&self, output: &BytesMut) -> bool {
        self.in_flight.waiting() >= self.shared.limits().messages_per_connection
            || self.is_clogged(output)
            || self.waits_for_memory()
    }

    /// Whether the memory limit is near, and this connection has more than its share in flight. It
    /// checks again soon.
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

    /// Whether the peer has left so much unread that nothing is added to `output`.
    pub(super) fn is_clogged(&self, output: &BytesMut) -> bool {
        output.len() >= self.shared.limits().output_buffer
    }

    /// Hands a NOTIFY to its handlers.
    #[inline(always)]
    fn dispatch(&mut self, notify: NotifyRef<'_>, generation: &Generation, output: &mut BytesMut) {
        let NotifyRef { stream_id, frame_id, messages } = notify;
        let bytes = messages.encoded_len();
        let (routes, counters) = (&generation.routes, &*self.shared.counters);
        // Both limits in one number, so that the dispatcher compares once.
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
