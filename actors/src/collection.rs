//! Collection: one NOTIFY in, one ACK out, by the deadline.
//!
//! It is a value, not an actor: it holds one slot for each message that is not answered yet, keeps
//! the order of the messages, and cannot fail.

use std::{
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use tokio::time::Instant;
use tracing::Span;

use crate::{
    cell::PendingCall,
    error::HandlerError,
    handler::Answer,
    live_route::LiveRoute,
    notify_trace::NotifyTrace,
    origin::Origin,
    room::Room,
    spop::{Ack, Actions, FrameId, StreamId},
};

/// The answer to a NOTIFY.
pub(crate) struct Finished {
    pub(crate) ack: Ack,
    /// How many actions found no room in it.
    pub(crate) left_out: usize,
    /// When the NOTIFY had arrived.
    pub(crate) arrived: Instant,
    /// How many of its messages had to wait.
    pub(crate) waited: usize,
    /// Its spans, if there may be any.
    pub(crate) trace: Option<Box<NotifyTrace>>,
}

/// The answers to one NOTIFY, as they come.
pub(crate) struct Collection {
    ids: (StreamId, FrameId),
    arrived: Instant,
    room: Room,
    /// The actions of the leading messages that are settled.
    settled: Actions,
    /// The first message that is not settled, and all behind it.
    slots: VecDeque<Slot>,
    /// How many slots there were at first.
    waited: usize,
    /// The place of the first slot, counted over the whole NOTIFY.
    first_place: usize,
    /// Whom to wake when something was settled by its deadline.
    waker: Option<Waker>,
    /// Its spans, if there may be any; behind the slots, whose spans end before it.
    trace: Option<Box<NotifyTrace>>,
}

enum Slot {
    Settled(Actions),
    Waiting(Waiting),
}

/// A message that is not answered yet.
pub(crate) struct Waiting {
    pub(crate) answer: PendingCall,
    /// When it was handed over.
    pub(crate) begun: Instant,
    /// When its fallback is due.
    pub(crate) deadline: Instant,
    pub(crate) route: Rc<LiveRoute>,
    /// That of its call; none unless it is sampled.
    pub(crate) span: Span,
}

impl Collection {
    pub(crate) fn new(origin: &Origin, room: usize) -> Self {
        Self {
            ids: origin.ids(),
            arrived: origin.arrived(),
            room: Room::new(room),
            settled: Actions::none(),
            slots: VecDeque::new(),
            waited: 0,
            // Place 0 is that of the leading messages that were settled at once.
            first_place: 1,
            waker: None,
            trace: None,
        }
    }

    /// The same with these spans.
    pub(crate) fn traced(mut self, trace: Option<NotifyTrace>) -> Self {
        self.trace = trace.map(Box::new);
        self
    }

    /// How many messages wait, for their answers or for one before them.
    pub(crate) fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// Whether every message is settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes a message that waits.
    pub(crate) fn wait(&mut self, waiting: Waiting) {
        self.slots.push_back(Slot::Waiting(waiting));
    }

    /// Takes no more messages.
    pub(crate) fn close(&mut self) {
        self.waited = self.slots.len();
    }

    /// How many messages had to wait, for their answers or for one before them.
    pub(crate) fn waited(&self) -> usize {
        self.waited
    }

    /// When the next fallback is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.slots.iter().filter_map(Slot::deadline).min()
    }

    /// Settles every message whose time is over by `now`, which drops its call; has itself polled
    /// if there was one.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        for slot in &mut self.slots {
            slot.expire(now, &mut self.room, &mut self.trace);
        }
        self.leave_out_excess();
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Takes the actions of a message that was answered at once.
    pub(crate) fn settle(&mut self, actions: Actions) {
        if actions.is_empty() {
            return;
        }
        self.room.take(&actions);
        if self.slots.is_empty() && !self.room.is_closed() {
            self.settled.append(actions);
        } else {
            self.slots.push_back(Slot::Settled(actions));
        }
        self.leave_out_excess();
        self.advance();
    }

    /// Leaves out, from the end, what goes beyond the room, and whatever settles behind that place.
    #[inline]
    fn leave_out_excess(&mut self) {
        if self.room.is_exceeded() || self.room.is_closed() {
            self.leave_out();
        }
    }

    #[cold]
    fn leave_out(&mut self) {
        let Self { room, settled, slots, first_place, .. } = self;
        for (index, slot) in slots.iter_mut().enumerate().rev() {
            if let Slot::Settled(actions) = slot {
                room.trim(actions, *first_place + index);
            }
        }
        if room.is_exceeded() {
            room.trim(settled, 0);
        }
    }

    /// Joins the leading messages that are settled.
    #[inline]
    fn advance(&mut self) {
        while let Some(Slot::Settled(actions)) = self.slots.front_mut() {
            self.settled.append(std::mem::take(actions));
            self.slots.pop_front();
            self.first_place += 1;
        }
    }

    #[inline]
    pub(crate) fn finish(&mut self) -> Finished {
        let (stream_id, frame_id) = self.ids;
        let mut actions = std::mem::take(&mut self.settled);
        if let Some(trace) = &self.trace {
            trace.hand_back(&mut actions, self.room.left());
        }
        Finished {
            ack: Ack { stream_id, frame_id, actions },
            left_out: self.room.left_out(),
            arrived: self.arrived,
            waited: self.waited,
            trace: self.trace.take(),
        }
    }
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Settled(_) => None,
            Self::Waiting(Waiting { deadline, .. }) => Some(*deadline),
        }
    }

    /// Settles the slot if its time is over: the late call is dropped.
    fn expire(&mut self, now: Instant, room: &mut Room, trace: &mut Option<Box<NotifyTrace>>) {
        if let Self::Waiting(waiting) = self
            && waiting.deadline <= now
        {
            let actions = waiting.settle(Err(HandlerError::Late), trace);
            self.become_settled(actions, room);
        }
    }

    /// Settles the slot if its answer has come.
    fn poll(
        &mut self,
        room: &mut Room,
        trace: &mut Option<Box<NotifyTrace>>,
        task: &mut Context<'_>,
    ) {
        if let Self::Waiting(waiting) = self
            && let Poll::Ready(answer) = waiting.poll(task)
        {
            let actions = waiting.settle(answer, trace);
            self.become_settled(actions, room);
        }
    }

    fn become_settled(&mut self, actions: Actions, room: &mut Room) {
        room.take(&actions);
        *self = Self::Settled(actions);
    }
}

impl Waiting {
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Answer> {
        let Self { answer, span, .. } = self;
        span.in_scope(|| Pin::new(answer).poll(task))
    }

    fn settle(&self, answer: Answer, trace: &mut Option<Box<NotifyTrace>>) -> Actions {
        if let (Some(trace), Err(error)) = (trace, &answer) {
            trace.fail(&self.route.name, error, self.begun, &self.span);
        }
        self.route.settle(answer, self.begun)
    }
}

/// Ready when every message is settled.
impl Future for Collection {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Finished> {
        let now = Instant::now();
        let this = &mut *self;
        for slot in &mut this.slots {
            slot.expire(now, &mut this.room, &mut this.trace);
            slot.poll(&mut this.room, &mut this.trace, task);
        }
        this.leave_out_excess();
        this.advance();
        if this.slots.is_empty() {
            return Poll::Ready(this.finish());
        }
        this.waker.get_or_insert_with(|| task.waker().clone()).clone_from(task.waker());
        Poll::Pending
    }
}
