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
    error::HandlerError,
    fence::Fenced,
    handler::Reply,
    origin::Origin,
    registry::Routes,
    route::LiveRoute,
    spop::{Ack, Actions, FrameId, Messages, StreamId},
    statistics::Counters,
};

/// What became of a NOTIFY when its messages were handed out.
pub(crate) enum Collected {
    /// All handlers answered at once.
    Now(Finished),
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
    /// Whom to wake when the deadline has passed.
    waker: Option<Waker>,
}

enum Slot {
    Settled(Actions),
    Waiting { answer: Fenced, deadline: Instant, route: Rc<LiveRoute> },
}

/// How much one ACK may hold: many large answers make no large memory.
struct Room {
    /// What may be kept in all.
    bytes: usize,
    /// What is kept now.
    used: usize,
    left_out: usize,
}

/// Hands the messages of a NOTIFY to their handlers, in order; keeps `room` bytes of their actions.
#[inline]
pub(crate) fn collect(
    messages: Messages,
    mut origin: Origin,
    room: usize,
    routes: &Routes,
    counters: &Counters,
) -> Collected {
    let mut collection = Collection {
        ids: origin.ids(),
        arrived: origin.arrived(),
        room: Room { bytes: room, used: 0, left_out: 0 },
        settled: Actions::none(),
        slots: VecDeque::new(),
        waker: None,
    };
    for message in messages {
        let Some(route) = routes.find(message.name()) else {
            counters.count(|statistics| statistics.messages_without_route += 1);
            tracing::debug!(spoe_message = %message.name().escape_ascii(), "no route for this message");
            continue;
        };
        match route.call(message, &mut origin) {
            Reply::Now(answer) => collection.settle(route.settle(answer)),
            Reply::Later(answer) => collection.slots.push_back(Slot::Waiting {
                answer,
                deadline: origin.deadline(),
                route: Rc::clone(route),
            }),
        }
    }
    if collection.slots.is_empty() {
        Collected::Now(collection.finish())
    } else {
        Collected::Later(collection)
    }
}

impl Collection {
    /// When the next fallback is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.slots.iter().filter_map(Slot::deadline).min()
    }

    /// Has the collection look at its deadlines again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Takes the actions of a message that was answered at once.
    #[inline]
    fn settle(&mut self, actions: Actions) {
        self.room.used += actions.encoded_len();
        if self.slots.is_empty() {
            self.settled.append(actions);
        } else {
            self.slots.push_back(Slot::Settled(actions));
        }
        if self.room.is_exceeded() {
            self.leave_out();
        }
    }

    /// Leaves out, from the end, what goes beyond the room; what comes behind it finds none either.
    #[cold]
    fn leave_out(&mut self) {
        let Self { room, settled, slots, .. } = self;
        let slots = slots.iter_mut().rev().filter_map(Slot::settled_mut);
        for actions in slots.chain([settled]) {
            let length = actions.encoded_len();
            let excess = room.used.saturating_sub(room.bytes);
            room.left_out += actions.fit_to(length.saturating_sub(excess));
            room.used -= length - actions.encoded_len();
        }
        room.bytes = room.used;
    }

    #[inline]
    fn finish(&mut self) -> Finished {
        let (stream_id, frame_id) = self.ids;
        let actions = std::mem::take(&mut self.settled);
        Finished {
            ack: Ack { stream_id, frame_id, actions },
            left_out: self.room.left_out,
            arrived: self.arrived,
        }
    }
}

impl Room {
    #[inline]
    fn is_exceeded(&self) -> bool {
        self.used > self.bytes
    }
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Settled(_) => None,
            Self::Waiting { deadline, .. } => Some(*deadline),
        }
    }

    fn settled_mut(&mut self) -> Option<&mut Actions> {
        match self {
            Self::Settled(actions) => Some(actions),
            Self::Waiting { .. } => None,
        }
    }

    /// Settles the slot if its time is over, which drops the late call, or if its answer has come.
    fn poll(&mut self, now: Instant, room: &mut Room, task: &mut Context<'_>) {
        if let Self::Waiting { answer, deadline, route } = self {
            let answer = if *deadline <= now {
                Err(HandlerError::Late)
            } else if let Poll::Ready(answer) = Pin::new(answer).poll(task) {
                answer
            } else {
                return;
            };
            let actions = route.settle(answer);
            room.used += actions.encoded_len();
            *self = Self::Settled(actions);
        }
    }
}

/// Ready when every message is settled.
impl Future for Collection {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Finished> {
        let now = Instant::now();
        let Self { room, slots, .. } = &mut *self;
        for slot in slots.iter_mut() {
            slot.poll(now, room, task);
        }
        if self.room.is_exceeded() {
            self.leave_out();
        }
        let Self { settled, slots, waker, .. } = &mut *self;
        while let Some(Slot::Settled(actions)) = slots.front_mut() {
            settled.append(std::mem::take(actions));
            slots.pop_front();
        }
        if slots.is_empty() {
            return Poll::Ready(self.finish());
        }
        waker.get_or_insert_with(|| task.waker().clone()).clone_from(task.waker());
        Poll::Pending
    }
}
