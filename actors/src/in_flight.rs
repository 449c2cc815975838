//! In flight: the NOTIFYs of one connection that wait for their answers, and the next deadline.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::{
    collection::{Collection, Finished},
    counters::Counters,
    quota::Share,
};

/// What a connection waits for. Only what was woken is polled.
pub(crate) struct InFlight {
    /// None before the first: it takes half a kilobyte, and connections whose handlers answer at once
    /// need none. Others will need it again.
    collections: Option<FuturesUnordered<Waiting>>,
    /// How many messages wait in them, as a share of what the agent allows.
    waiting: Share,
    /// How many more might wait in the agent when that was looked at last.
    left: usize,
    /// How many bytes their payloads have.
    bytes: usize,
    /// The earliest deadline among them, or an earlier one that is met already.
    deadline: Option<Instant>,
    counters: Rc<Counters>,
}

/// A NOTIFY that waits for its answer, and how many bytes its payload has.
struct Waiting {
    collection: Collection,
    bytes: usize,
}

impl InFlight {
    pub(crate) fn new(waiting: Share, counters: Rc<Counters>) -> Self {
        let left = waiting.left();
        Self { collections: None, waiting, left, bytes: 0, deadline: None, counters }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.collections.as_ref().is_none_or(FuturesUnordered::is_empty)
    }

    /// How many NOTIFYs wait for their answers.
    pub(crate) fn len(&self) -> usize {
        self.collections.as_ref().map_or(0, FuturesUnordered::len)
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

    /// How many bytes the payloads of the NOTIFYs have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the first of their ACKs must leave; now, if one is settled.
    pub(crate) fn first_due(&self, now: Instant) -> Option<Instant> {
        let collections = self.collections.iter().flatten();
        collections.map(|waiting| waiting.collection.deadline().unwrap_or(now)).min()
    }

    /// When the next fallback is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn push(&mut self, collection: Collection, bytes: usize) {
        self.waiting.set(self.waiting.amount() + collection.waited());
        self.look();
        self.deadline = earlier(self.deadline, collection.deadline());
        self.bytes += bytes;
        let collections = self.collections.get_or_insert_default();
        collections.push(Waiting { collection, bytes });
        self.counters.count(|statistics| statistics.in_flight += 1);
    }

    /// The next one that is answered.
    #[inline]
    pub(crate) fn poll_next(&mut self, task: &mut Context<'_>) -> Option<Finished> {
        let collections = self.collections.as_mut().filter(|waiting| !waiting.is_empty())?;
        let Poll::Ready(Some((finished, bytes))) = collections.poll_next_unpin(task) else {
            return None;
        };
        self.waiting.set(self.waiting.amount() - finished.waited);
        self.bytes -= bytes;
        if collections.is_empty() {
            self.deadline = None;
        }
        self.counters.count(|statistics| {
            statistics.in_flight -= 1;
            statistics.latency.record(finished.arrived.elapsed(), 1);
        });
        Some(finished)
    }

    /// Settles what is due by now, whether or not its ACK can be sent already.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.deadline = None;
        for Waiting { collection, .. } in self.collections.iter_mut().flatten() {
            collection.expire(now);
            self.deadline = earlier(self.deadline, collection.deadline());
        }
    }

    /// Drops everything: nobody waits for it any more.
    pub(crate) fn cancel(&mut self) {
        let Some(collections) = &mut self.collections else {
            return;
        };
        let cancelled = collections.len() as u64;
        self.counters.count(|statistics| {
            statistics.in_flight -= cancelled;
            statistics.cancelled += cancelled;
        });
        collections.clear();
        self.waiting.set(0);
        self.bytes = 0;
        self.deadline = None;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Future for Waiting {
    type Output = (Finished, usize);

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let finished = Pin::new(&mut self.collection).poll(task);
        finished.map(|finished| (finished, self.bytes))
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
