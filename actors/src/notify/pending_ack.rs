//! Pending ACK: one NOTIFY in, one ACK out, by the deadline.
//!
//! It is a value, not an actor: it keeps the order of the messages, has a slot for each that is not
//! answered yet, and cannot fail. Each waiting message has a [`Completion`](super::completion).

use std::collections::VecDeque;

use tokio::time::Instant;

use super::ack_budget::AckBudget;
use crate::{
    origin::Origin,
    spop::{Ack, Actions, FrameId, StreamId},
    trace::NotifyTrace,
};

/// The answer to a NOTIFY.
pub(crate) struct CompletedAck {
    pub(crate) ack: Ack,
    /// How many actions were dropped from it.
    pub(crate) left_out: usize,
    /// When the NOTIFY arrived.
    pub(super) arrived: Instant,
    /// How many of its messages had to wait.
    pub(super) waited: usize,
    /// The size of its payload in bytes.
    pub(super) bytes: usize,
    /// Its spans, if traced.
    pub(crate) trace: Option<Box<NotifyTrace>>,
}

/// The answers to one NOTIFY so far.
pub(crate) struct PendingAck {
    ids: (StreamId, FrameId),
    arrived: Instant,
    budget: AckBudget,
    /// The actions of the leading messages that are complete.
    leading: Actions,
    /// The first message that is not complete, and all later ones with a part in the ACK.
    slots: VecDeque<Slot>,
    /// How many slots there were in the beginning.
    waited: usize,
    /// The position of the first slot in the whole NOTIFY.
    first_place: usize,
    /// How many messages wait for answers.
    awaited: usize,
    /// The size of its payload in bytes.
    bytes: usize,
    /// Its spans, if traced.
    trace: Option<Box<NotifyTrace>>,
}

/// Up to this size, immediate answers share a slot.
const SHARED: usize = 1024;

/// The actions of a message, once it is complete.
type Slot = Option<Actions>;

impl PendingAck {
    /// The answers to a NOTIFY with a payload of this size.
    pub(super) fn new(origin: &Origin, bytes: usize, room: usize) -> Self {
        Self {
            ids: origin.ids(),
            arrived: origin.arrived(),
            budget: AckBudget::new(room),
            leading: Actions::new(),
            slots: VecDeque::new(),
            waited: 0,
            // Position 0 is that of the leading messages that were complete at once.
            first_place: 1,
            awaited: 0,
            bytes,
            trace: None,
        }
    }

    /// The same with these spans.
    pub(crate) fn traced(mut self, trace: Option<NotifyTrace>) -> Self {
        self.trace = trace.map(Box::new);
        self
    }

    pub(super) fn trace(&mut self) -> Option<&mut NotifyTrace> {
        self.trace.as_deref_mut()
    }

    /// How many messages wait, for their answers or for one before them.
    pub(super) fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// Whether no message waits for its answer.
    pub(super) fn is_complete(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a message that waits for its answer; returns its position.
    pub(super) fn wait(&mut self) -> usize {
        self.slots.push_back(None);
        self.awaited += 1;
        self.next_place() - 1
    }

    /// Takes no more messages.
    pub(super) fn close(&mut self) {
        self.waited = self.slots.len();
    }

    /// How many messages had to wait, for their answers or for one before them.
    pub(super) fn waited(&self) -> usize {
        self.waited
    }

    /// The size of its payload in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the actions of a message that was answered at once.
    pub(super) fn complete(&mut self, mut actions: Actions) {
        let place = if self.slots.is_empty() { 0 } else { self.next_place() };
        self.budget.take(&mut actions, place);
        if actions.is_empty() {
            return;
        }
        match self.slots.back_mut() {
            None => self.leading.append(actions),
            // Immediate answers after a waiting one share a slot up to that size: appending is
            // cheap, but each reallocation of a large list copies it.
            Some(Some(last)) if last.encoded_len() < SHARED => last.append(actions),
            Some(_) => self.slots.push_back(Some(actions)),
        }
        self.leave_out_excess();
    }

    /// Adds the actions of the message at `place`, which has waited.
    pub(super) fn complete_at(&mut self, place: usize, mut actions: Actions) {
        self.budget.take(&mut actions, place);
        let slot = place.checked_sub(self.first_place).and_then(|index| self.slots.get_mut(index));
        if let Some(slot) = slot {
            // HAProxy applies actions in the order of the ACK. So of two messages that set the same
            // variable, the later one wins, whichever was answered first.
            *slot = Some(actions);
        }
        self.leave_out_excess();
        self.advance();
    }

    /// A waiting message is complete; the last one completes the ACK.
    pub(super) fn leave(&mut self) -> Option<CompletedAck> {
        self.awaited -= 1;
        // Counted, not read from the slots: a slot can be filled while its call is still in the
        // set.
        (self.awaited == 0).then(|| self.finish())
    }

    /// The position after all slots.
    fn next_place(&self) -> usize {
        self.first_place + self.slots.len()
    }

    /// Drops actions over the limit, from the end.
    #[inline]
    fn leave_out_excess(&mut self) {
        if self.budget.is_exceeded() {
            self.leave_out();
        }
    }

    #[cold]
    fn leave_out(&mut self) {
        let Self { budget, leading, slots, first_place, .. } = self;
        // After the end there is nothing left, so no slot is read repeatedly.
        let last = budget.end().map_or(slots.len(), |end| (end + 1).saturating_sub(*first_place));
        let kept = slots.range_mut(..last.min(slots.len())).enumerate().rev();
        for (index, slot) in kept {
            if !budget.is_exceeded() {
                return;
            }
            if let Some(actions) = slot {
                budget.trim(actions, *first_place + index);
            }
        }
        budget.trim(leading, 0);
    }

    /// Joins the leading complete messages.
    #[inline]
    fn advance(&mut self) {
        // As soon as possible: joined answers are one list, and the deque stays short.
        while let Some(Some(actions)) = self.slots.front_mut() {
            self.leading.append(std::mem::take(actions));
            self.slots.pop_front();
            self.first_place += 1;
        }
    }

    #[inline]
    pub(super) fn finish(&mut self) -> CompletedAck {
        let (stream_id, frame_id) = self.ids;
        let mut actions = std::mem::take(&mut self.leading);
        if let Some(trace) = &self.trace {
            trace.hand_back(&mut actions, self.budget.left());
        }
        CompletedAck {
            ack: Ack { stream_id, frame_id, actions },
            left_out: self.budget.left_out(),
            arrived: self.arrived,
            waited: self.waited,
            bytes: self.bytes,
            trace: self.trace.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        origin::{Peer, PeerAddress},
        spop::Scope,
    };

    fn ack(room: usize) -> PendingAck {
        let peer = Peer { address: PeerAddress::InMemory, engine_id: None };
        PendingAck::new(&Origin::new(peer), 0, room)
    }

    /// This number of actions, each of [`ACTION`] bytes.
    fn actions(count: usize, name: usize) -> Actions {
        (0..count).fold(Actions::new(), |actions, _| {
            actions.set_var_unchecked(Scope::Session, format!("{name:05}").as_bytes(), true)
        })
    }

    const ACTION: usize = 10;

    /// What remains of this number of messages with an action each, completed in this order of
    /// positions.
    fn kept_of(count: usize, room: usize, order: impl Iterator<Item = usize>) -> (String, usize) {
        let mut ack = ack(room);
        let first = ack.wait();
        (1..count).for_each(|_| _ = ack.wait());
        ack.close();
        let mut finished = None;
        for place in order {
            ack.complete_at(first + place, actions(1, place));
            finished = ack.leave();
        }
        let finished = finished.unwrap();
        (finished.ack.actions.to_string(), finished.left_out)
    }

    #[test]
    fn an_action_has_the_size_that_these_tests_count_on() {
        assert_eq!(actions(3, 7).encoded_len(), 3 * ACTION);
    }

    #[test]
    fn in_whatever_order_answers_come_what_is_kept_is_in_front_of_what_is_left_out() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (count, room) = (random.usize(1..30), random.usize(0..300));
            let mut order: Vec<_> = (0..count).collect();
            random.shuffle(&mut order);
            let (kept, left_out) = kept_of(count, room, order.into_iter());
            let all: Vec<_> = (0..count).map(|place| actions(1, place).to_string()).collect();
            let front = count - left_out;
            assert_eq!(kept, all[..front].join(", "), "seed {seed}");
            assert!(front <= room / ACTION, "seed {seed}");
            assert!(left_out == 0 || front + 1 >= (room / ACTION).min(count), "seed {seed}");
        }
    }

    #[test]
    fn answers_that_are_settled_at_once_behind_one_that_waits_share_their_slots() {
        let mut ack = ack(1 << 20);
        let first = ack.wait();
        (0..10_000).for_each(|name| ack.complete(actions(1, name)));
        assert!(ack.waiting() <= 10_000 * ACTION / SHARED + 2, "{}", ack.waiting());
        ack.close();
        ack.complete_at(first, actions(1, 0));
        let finished = ack.leave().unwrap();
        assert_eq!(finished.ack.actions.iter().count(), 10_001);
        assert_eq!(finished.left_out, 0);
    }

    #[test]
    fn what_is_left_out_is_looked_at_once_however_many_messages_there_are() {
        const MANY: usize = 100_000;
        let began = std::time::Instant::now();
        // Each answer displaces one after it.
        let (kept, left_out) = kept_of(MANY, 10 * ACTION, (0..MANY).rev());
        assert_eq!((kept.split(", ").count(), left_out), (10, MANY - 10));
        let mut behind_one = ack(10 * ACTION);
        behind_one.wait();
        (0..MANY).for_each(|name| behind_one.complete(actions(1, name)));
        assert!(behind_one.waiting() <= 2, "{}", behind_one.waiting());
        // It took minutes when all were read for each.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
