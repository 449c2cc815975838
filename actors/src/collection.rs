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
    Ack(Ack),
    /// Some answers are still to come.
    Pending(Collection),
}

/// The answers to one NOTIFY, as they come.
pub(crate) struct Collection {
    ids: (StreamId, FrameId),
    arrived: Instant,
    /// The actions of the leading messages that are settled.
    settled: Actions,
    /// The first message that is not settled, and all behind it.
    slots: VecDeque<Slot>,
    /// Whom to wake when the deadline has passed.
    waker: Option<Waker>,
}

enum Slot {
    Settled(Actions),
    Waiting {
        answer: Fenced,
        deadline: Instant,
        route: Rc<LiveRoute>,
    },
}

/// Hands the messages of a NOTIFY to their handlers, in order.
#[inline]
pub(crate) fn collect(
    messages: Messages,
    mut origin: Origin,
    routes: &Routes,
    counters: &Counters,
) -> Collected {
    let (stream_id, frame_id) = origin.ids();
    let mut settled = Actions::none();
    let mut slots = VecDeque::new();
    for message in messages {
        let Some(route) = routes.find(message.name()) else {
            counters.count(|statistics| statistics.messages_without_route += 1);
            tracing::debug!(message = %message.name().escape_ascii(), "no route for this message");
            continue;
        };
        match route.call(message, &mut origin) {
            Reply::Now(answer) if slots.is_empty() => settled.append(route.settle(answer)),
            Reply::Now(answer) => slots.push_back(Slot::Settled(route.settle(answer))),
            Reply::Later(answer) => slots.push_back(Slot::Waiting {
                answer,
                deadline: origin.deadline(),
                route: Rc::clone(route),
            }),
        }
    }
    if slots.is_empty() {
        return Collected::Ack(Ack {
            stream_id,
            frame_id,
            actions: settled,
        });
    }
    let ids = (stream_id, frame_id);
    Collected::Pending(Collection {
        ids,
        arrived: origin.arrived(),
        settled,
        slots,
        waker: None,
    })
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
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Settled(_) => None,
            Self::Waiting { deadline, .. } => Some(*deadline),
        }
    }

    /// Settles the slot if its time is over, which drops the late call, or if its answer has come.
    fn poll(&mut self, now: Instant, task: &mut Context<'_>) {
        if let Self::Waiting {
            answer,
            deadline,
            route,
        } = self
        {
            let answer = if *deadline <= now {
                Err(HandlerError::Late)
            } else if let Poll::Ready(answer) = Pin::new(answer).poll(task) {
                answer
            } else {
                return;
            };
            *self = Self::Settled(route.settle(answer));
        }
    }
}

/// Ready when every message is settled: with the ACK, and the time at which the NOTIFY arrived.
impl Future for Collection {
    type Output = (Ack, Instant);

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let now = Instant::now();
        for slot in &mut self.slots {
            slot.poll(now, task);
        }
        while let Some(Slot::Settled(_)) = self.slots.front() {
            if let Some(Slot::Settled(actions)) = self.slots.pop_front() {
                self.settled.append(actions);
            }
        }
        if self.slots.is_empty() {
            let (stream_id, frame_id) = self.ids;
            let actions = std::mem::take(&mut self.settled);
            return Poll::Ready((
                Ack {
                    stream_id,
                    frame_id,
                    actions,
                },
                self.arrived,
            ));
        }
        self.waker
            .get_or_insert_with(|| task.waker().clone())
            .clone_from(task.waker());
        Poll::Pending
    }
}
