//! In flight: the NOTIFYs of one connection that wait for their answers, and the next deadline.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    completion::{Completion, PendingMessage},
    pending_ack::{CompletedAck, PendingAck},
};
use crate::{
    arbiter::{AgentContext, Reservation},
    observe::Counters,
};

/// What a connection waits for. Only what was woken is polled.
pub(crate) struct InFlight {
    /// None before the first: it takes half a kilobyte, and connections whose handlers answer at once
    /// need none. Others will need it again.
    awaited: Option<FuturesUnordered<Completion>>,
    /// How many NOTIFYs they are of.
    notifies: usize,
    /// How many messages wait in them, as a share of what the agent allows.
    waiting: Reservation,
    /// How many more might wait in the agent when that was looked at last.
    left: usize,
    /// How many bytes they take, as a share of what the agent may keep.
    kept: Reservation,
    /// The earliest deadline among them, or an earlier one that is met already.
    deadline: Option<Instant>,
    counters: Rc<Counters>,
}

/// How many bytes a message that waits takes beside its payload, which its handler may keep: its call in
/// a box, its place in the set, its part of the NOTIFY. 810 to 1,110 were measured with
/// handlers of few words, in allocations that have some bytes of their own each.
const CALL: usize = 1280;

impl InFlight {
    pub(crate) fn new(common: &AgentContext, counters: Rc<Counters>) -> Self {
        let (waiting, kept) = (common.in_flight.share(), common.memory.share());
        let left = waiting.left();
        Self { awaited: None, notifies: 0, waiting, left, kept, deadline: None, counters }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notifies == 0
    }

    /// How many NOTIFYs wait for their answers.
    pub(crate) fn len(&self) -> usize {
        self.notifies
    }

    /// How many messages wait for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.amount()
    }

    /// How many more messages may wait in the whole agent; others may take them meanwhile.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Looks how many more messages may wait in the whole agent.
    ///
    /// It is not looked at for every NOTIFY: all arbiters write there, and a message that is answered
    /// at once has nothing to do with it.
    pub(crate) fn look(&mut self) {
        self.left = self.waiting.left();
    }

    /// How many bytes the NOTIFYs take, as far as can be known.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.amount()
    }

    /// When the first of their ACKs must leave; now, if one is settled.
    pub(crate) fn first_due(&self, now: Instant) -> Option<Instant> {
        self.awaited.iter().flatten().filter_map(|awaited| awaited.due(now)).min()
    }

    /// When the next fallback is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for these messages of a NOTIFY, each with its place.
    pub(crate) fn push(&mut self, ack: PendingAck, messages: Vec<(usize, PendingMessage)>) {
        self.waiting.add(ack.waited());
        self.look();
        let taken = ack.bytes() + ack.waited() * CALL;
        self.kept.add(taken);
        self.notifies += 1;
        let ack = Rc::new(RefCell::new(ack));
        let all = self.awaited.get_or_insert_default();
        // A future for each message and not for each NOTIFY: the set then polls what was woken and no
        // other.
        for (place, waiting) in messages {
            self.deadline = earlier(self.deadline, Some(waiting.deadline));
            all.push(Completion::new(waiting, place, &ack));
        }
        self.counters.count(|statistics| statistics.notifies_in_flight += 1);
    }

    /// The next one that is answered.
    #[inline]
    pub(crate) fn poll_next(&mut self, task: &mut Context<'_>) -> Option<CompletedAck> {
        let awaited = self.awaited.as_mut().filter(|awaited| !awaited.is_empty())?;
        let finished = loop {
            match awaited.poll_next_unpin(task) {
                Poll::Ready(Some(Some(finished))) => break finished,
                Poll::Ready(Some(None)) => {}
                Poll::Ready(None) | Poll::Pending => return None,
            }
        };
        self.waiting.subtract(finished.waited);
        let taken = finished.bytes + finished.waited * CALL;
        self.kept.subtract(taken);
        self.notifies -= 1;
        // Otherwise it stays, though it may be met already: a timer that goes off for nothing costs less
        // than looking through the set for each ACK.
        if self.notifies == 0 {
            self.deadline = None;
        }
        self.counters.count(|statistics| {
            statistics.notifies_in_flight -= 1;
            statistics.latency.record(finished.arrived.elapsed(), 1);
        });
        Some(finished)
    }

    /// Settles what is due by now, whether or not its ACK can be sent already.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.deadline = None;
        for awaited in self.awaited.iter_mut().flatten() {
            awaited.expire(now);
            self.deadline = earlier(self.deadline, awaited.deadline());
        }
    }

    /// Drops everything: nobody waits for it any more.
    pub(crate) fn cancel(&mut self) {
        let Some(awaited) = &mut self.awaited else {
            return;
        };
        let cancelled = std::mem::take(&mut self.notifies) as u64;
        self.counters.count(|statistics| {
            statistics.notifies_in_flight -= cancelled;
            statistics.notifies_cancelled += cancelled;
        });
        // Dropping a future of the set drops its call, and with it the permit of its route.
        awaited.clear();
        self.waiting.set(0);
        self.kept.set(0);
        self.deadline = None;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
