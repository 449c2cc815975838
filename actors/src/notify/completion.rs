//! Completion: completes a message that waits for its answer, by its deadline.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use tokio::time::Instant;
use tracing::Span;

use super::pending_ack::{CompletedAck, PendingAck};
use crate::{
    error::HandlerError,
    handler::Answer,
    route::{LiveRoute, PendingCall},
};

/// The call of a message without an answer yet.
pub(crate) struct PendingMessage {
    pub(super) answer: PendingCall,
    /// When the call began.
    pub(super) begun: Instant,
    /// When its fallback is sent.
    pub(super) deadline: Instant,
    pub(super) route: Rc<LiveRoute>,
    /// The span of its call; disabled unless it is sampled.
    pub(super) span: Span,
}

/// Completes a message of a [`PendingAck`] with its answer or its fallback. Each message has its
/// own future, so that only woken ones are polled, however many messages a NOTIFY has.
///
/// The last one of a NOTIFY returns its ACK.
pub(super) struct Completion {
    /// `None` if its deadline has completed it.
    waiting: Option<PendingMessage>,
    place: usize,
    /// Woken when the deadline has completed it.
    waker: Option<Waker>,
    /// Declared after the call, whose span ends before those of its NOTIFY.
    ack: Rc<RefCell<PendingAck>>,
}

impl Completion {
    /// Waits for the answer of the message at `place`.
    pub(super) fn new(
        waiting: PendingMessage,
        place: usize,
        ack: &Rc<RefCell<PendingAck>>,
    ) -> Self {
        Self { waiting: Some(waiting), place, waker: None, ack: Rc::clone(ack) }
    }

    /// When its fallback is sent.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.deadline)
    }

    /// When the ACK of its NOTIFY must leave because of this message; now, if all are complete.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.deadline().or_else(|| self.ack.borrow().is_complete().then_some(now))
    }

    /// Completes the message if its deadline has passed by `now`, which drops its call.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.is_late(now) {
            self.complete(Err(HandlerError::DeadlineExceeded));
            // The set polls only woken futures, and nothing wakes this one: its call is dropped.
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn complete(&mut self, answer: Answer) {
        let Some(PendingMessage { route, begun, span, answer: call, .. }) = self.waiting.take()
        else {
            return;
        };
        // Before anything is borrowed: the call's drop runs the handler's code.
        drop(call);
        let mut ack = self.ack.borrow_mut();
        if let (Some(trace), Err(error)) = (ack.trace(), &answer) {
            trace.fail(&route.name, error, begun, &span);
        }
        ack.complete_at(self.place, route.settle(answer, begun));
    }
}

impl Future for Completion {
    type Output = Option<CompletedAck>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<CompletedAck>> {
        // First: a call whose deadline has passed is not polled again, however close its answer is.
        if self.is_late(Instant::now()) {
            self.complete(Err(HandlerError::DeadlineExceeded));
        } else if let Some(PendingMessage { answer, span, .. }) = &mut self.waiting {
            let Poll::Ready(answer) = span.in_scope(|| Pin::new(answer).poll(task)) else {
                self.waker.get_or_insert_with(|| task.waker().clone()).clone_from(task.waker());
                return Poll::Pending;
            };
            // The poll can have taken all the remaining time.
            let is_late = answer.is_ok() && self.is_late(Instant::now());
            self.complete(if is_late { Err(HandlerError::DeadlineExceeded) } else { answer });
        }
        Poll::Ready(self.ack.borrow_mut().leave())
    }
}
