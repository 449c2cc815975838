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

use crate::{
    cell::PendingCall,
    error::HandlerError,
    handler::Reply,
    live_route::LiveRoute,
    origin::Origin,
    registry::Routes,
    room::Room,
    spop::{Ack, Actions, FrameId, MessageRef, MessagesRef, StreamId},
    statistics::Counters,
};

/// What became of a NOTIFY when its messages were handed out.
pub(crate) enum Collected {
    /// All handlers answered at once.
    Now,
    /// All handlers answered at once, with more than there is room for.
    InPart(Finished),
    /// Some answers are still to come.
    Later(Collection),
}

/// The answer to a NOTIFY.
pub(crate) struct Finished {
    pub(crate) ack: Ack,
    /// How many actions found no room in it.
    pub(crate) left_out: usize,
    /// When the NOTIFY had arrived.
    pub(crate) arrived: Instant,
    /// How many of its messages had to wait.
    pub(crate) waited: usize,
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
}

enum Slot {
    Settled(Actions),
    Waiting { answer: PendingCall, deadline: Instant, route: Rc<LiveRoute> },
}

/// What holds for every NOTIFY of a connection.
pub(crate) struct Terms<'a> {
    pub(crate) routes: &'a Routes,
    pub(crate) counters: &'a Counters,
    /// How many bytes of actions an ACK may hold.
    pub(crate) room: usize,
    /// How many messages of one NOTIFY may wait for their answers.
    pub(crate) waiting: usize,
}

/// Hands the messages of a NOTIFY to their handlers, in order; what is answered at once is put into
/// `settled`.
#[inline(always)]
pub(crate) fn collect(
    messages: MessagesRef<'_>,
    origin: &mut Origin,
    terms: &Terms<'_>,
    settled: &mut Actions,
) -> Collected {
    let mut asking = Asking { origin, terms, is_first: true, waiting: 0 };
    // Most NOTIFYs have one message, and most handlers answer at once.
    let Some((first, others)) = messages.split_first() else {
        return Collected::Now;
    };
    let slot = asking.ask(&first, settled);
    if slot.is_none() && settled.encoded_len() <= terms.room && others.is_empty() {
        return Collected::Now;
    }
    asking.go_on(slot, others, settled)
}

/// Answers a NOTIFY that was too large to be read: with the fallbacks of the messages it names.
pub(crate) fn refuse(messages: MessagesRef<'_>, origin: &Origin, terms: &Terms<'_>) -> Finished {
    let mut collection = Collection::new(origin, terms.room);
    for message in messages {
        if let Some(route) = terms.routes.find(message.name()) {
            collection.settle(route.settle(Err(HandlerError::Oversize)));
        }
    }
    collection.finish()
}

/// Asks the handlers of one NOTIFY.
struct Asking<'a> {
    origin: &'a mut Origin,
    terms: &'a Terms<'a>,
    is_first: bool,
    /// How many of its messages wait for their answers, or for one before them.
    waiting: usize,
}

impl Asking<'_> {
    /// Asks the handler of a message, if there is one. What is settled at once is put behind `settled`;
    /// otherwise there is a slot.
    #[inline(always)]
    fn ask(&mut self, message: &MessageRef<'_>, settled: &mut Actions) -> Option<Slot> {
        let Some(route) = self.terms.routes.find(message.name()) else {
            self.miss(message);
            return None;
        };
        if self.waiting >= self.terms.waiting {
            settled.append_all(route.fall_back(HandlerError::Overloaded));
            return None;
        }
        let time = route.time_for(message);
        // Those before it may have taken all the time: it is not even asked then.
        if (!self.is_first || time.is_zero()) && self.origin.arrived().elapsed() >= time {
            settled.append_all(route.fall_back(HandlerError::Late));
            return None;
        }
        self.is_first = false;
        self.origin.set_time(time);
        match route.call(message, self.origin, settled) {
            Reply::Answered => self.terms.counters.message_answered(),
            Reply::Failed(error) => settled.append_all(route.fall_back(error)),
            Reply::Later(answer) => {
                let (deadline, route) = (self.origin.deadline(), Rc::clone(route));
                return Some(Slot::Waiting { answer, deadline, route });
            }
        }
        None
    }

    /// Asks the handlers of all messages but the first.
    #[inline(never)]
    fn go_on(
        mut self,
        mut slot: Option<Slot>,
        mut messages: MessagesRef<'_>,
        settled: &mut Actions,
    ) -> Collected {
        while slot.is_none() && settled.encoded_len() <= self.terms.room {
            let Some(message) = messages.next() else {
                return Collected::Now;
            };
            slot = self.ask_next(&message, settled);
        }
        self.collect(std::mem::take(settled), slot, messages)
    }

    #[inline(never)]
    fn ask_next(&mut self, message: &MessageRef<'_>, settled: &mut Actions) -> Option<Slot> {
        self.ask(message, settled)
    }

    #[cold]
    fn miss(&self, message: &MessageRef<'_>) {
        self.terms.counters.count(|statistics| statistics.messages_without_route += 1);
        tracing::debug!(spoe_message = %message.name().escape_ascii(), "no route");
    }

    /// Goes on with a NOTIFY that is not answered at once, or whose answers exceed their room.
    #[cold]
    fn collect(
        mut self,
        settled: Actions,
        slot: Option<Slot>,
        messages: MessagesRef<'_>,
    ) -> Collected {
        let mut collection = Collection::new(self.origin, self.terms.room);
        collection.settle(settled);
        collection.slots.extend(slot);
        for message in messages {
            self.waiting = collection.slots.len();
            let mut settled = Actions::none();
            match self.ask_next(&message, &mut settled) {
                None => collection.settle(settled),
                Some(slot) => collection.slots.push_back(slot),
            }
        }
        if collection.slots.is_empty() {
            return Collected::InPart(collection.finish());
        }
        collection.waited = collection.slots.len();
        Collected::Later(collection)
    }
}

impl Collection {
    fn new(origin: &Origin, room: usize) -> Self {
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
        }
    }

    /// When the NOTIFY had come.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
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
            slot.expire(now, &mut self.room);
        }
        self.leave_out_excess();
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Takes the actions of a message that was answered at once.
    fn settle(&mut self, actions: Actions) {
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
    fn finish(&mut self) -> Finished {
        let (stream_id, frame_id) = self.ids;
        let actions = std::mem::take(&mut self.settled);
        Finished {
            ack: Ack { stream_id, frame_id, actions },
            left_out: self.room.left_out(),
            arrived: self.arrived,
            waited: self.waited,
        }
    }
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Settled(_) => None,
            Self::Waiting { deadline, .. } => Some(*deadline),
        }
    }

    /// Settles the slot if its time is over: the late call is dropped.
    fn expire(&mut self, now: Instant, room: &mut Room) {
        if let Self::Waiting { deadline, route, .. } = self
            && *deadline <= now
        {
            let actions = route.settle(Err(HandlerError::Late));
            self.become_settled(actions, room);
        }
    }

    /// Settles the slot if its answer has come.
    fn poll(&mut self, room: &mut Room, task: &mut Context<'_>) {
        if let Self::Waiting { answer, route, .. } = self
            && let Poll::Ready(answer) = Pin::new(answer).poll(task)
        {
            let actions = route.settle(answer);
            self.become_settled(actions, room);
        }
    }

    fn become_settled(&mut self, actions: Actions, room: &mut Room) {
        room.take(&actions);
        *self = Self::Settled(actions);
    }
}

/// Ready when every message is settled.
impl Future for Collection {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Finished> {
        let now = Instant::now();
        let this = &mut *self;
        for slot in &mut this.slots {
            slot.expire(now, &mut this.room);
            slot.poll(&mut this.room, task);
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
