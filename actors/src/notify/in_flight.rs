//! In flight: the NOTIFYs of one connection that wait for answers, and the next deadline.

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

/// The NOTIFYs of one connection that wait for answers. Only woken ones are polled.
pub(crate) struct InFlight {
    /// `None` before the first: it takes half a KiB, and connections whose handlers answer at once
    /// need none.
    awaited: Option<FuturesUnordered<Completion>>,
    /// How many NOTIFYs wait.
    notifies: usize,
    /// How many messages wait, reserved from the agent's limit.
    waiting: Reservation,
    /// How many more could wait in the agent at the last look.
    left: usize,
    /// How many bytes they take, reserved from the agent's limit.
    kept: Reservation,
    /// The earliest deadline, or an earlier one that is over.
    deadline: Option<Instant>,
    counters: Rc<Counters>,
}

/// How many bytes a waiting message takes beside its payload, which its handler may hold: its boxed
/// call, its future in the set, its part of the NOTIFY. 810 to 1,110 were measured with small
/// handlers.
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

    /// How many NOTIFYs wait for answers.
    pub(crate) fn len(&self) -> usize {
        self.notifies
    }

    /// How many messages wait for answers.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.amount()
    }

    /// How many more messages can wait in the whole agent; others may take them meanwhile.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Reads how many more messages can wait in the whole agent.
    ///
    /// Not for every NOTIFY: all arbiters write there, and messages that are answered at once do
    /// not need it.
    pub(crate) fn look(&mut self) {
        self.left = self.waiting.left();
    }

    /// How many bytes the NOTIFYs take, as far as known.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.amount()
    }

    /// When the first of their ACKs must leave; now, if one is complete.
    pub(crate) fn first_due(&self, now: Instant) -> Option<Instant> {
        self.awaited.iter().flatten().filter_map(|awaited| awaited.due(now)).min()
    }

    /// When the next fallback is sent.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for these messages of a NOTIFY, each with its position.
    pub(crate) fn push(&mut self, ack: PendingAck, messages: Vec<(usize, PendingMessage)>) {
        self.waiting.add(ack.waited());
        self.look();
        let taken = ack.bytes() + ack.waited() * CALL;
        self.kept.add(taken);
        self.notifies += 1;
        let ack = Rc::new(RefCell::new(ack));
        let all = self.awaited.get_or_insert_default();
        // One future per message and not per NOTIFY: the set then polls only woken ones.
        for (place, waiting) in messages {
            self.deadline = earlier(self.deadline, Some(waiting.deadline));
            all.push(Completion::new(waiting, place, &ack));
        }
        self.counters.count(|statistics| statistics.notifies_in_flight += 1);
    }

    /// The next complete ACK.
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
        // Otherwise it stays, though it may be over: a timer without effect costs less than
        // searching the set for each ACK.
        if self.notifies == 0 {
            self.deadline = None;
        }
        self.counters.count(|statistics| {
            statistics.notifies_in_flight -= 1;
            statistics.latency.record(finished.arrived.elapsed(), 1);
        });
        Some(finished)
    }

    /// Completes messages whose deadline has passed, whether or not their ACKs can be sent already.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.deadline = None;
        for awaited in self.awaited.iter_mut().flatten() {
            awaited.expire(now);
            self.deadline = earlier(self.deadline, awaited.deadline());
        }
    }

    /// Drops everything: the answers are no longer awaited.
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
