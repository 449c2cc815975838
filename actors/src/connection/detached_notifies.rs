//! Detached NOTIFYs: in flight on a lost connection; they can be answered on another one.

use std::{
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::time::Instant;

use super::timer::Timer;
use crate::{
    arbiter::{AckGroup, AckRouter, RoutedAck, SharedBudget},
    notify::{CompletedAck, InFlight},
    observe::Counters,
    spop::Ack,
};

/// The NOTIFYs of an engine whose connection is lost.
pub(super) struct DetachedNotifies {
    pub(super) group: AckGroup,
    /// Other connections' ACKs that were queued on the lost one.
    pub(super) acks: VecDeque<Ack>,
    pub(crate) in_flight: InFlight,
    /// The memory limit.
    pub(crate) memory: SharedBudget,
    pub(crate) ack_router: Rc<AckRouter>,
    pub(crate) counters: Rc<Counters>,
}

impl DetachedNotifies {
    /// Runs them until they are answered, or until their deadlines, and routes their ACKs.
    pub(super) fn adopt(mut self) {
        for ack in std::mem::take(&mut self.acks) {
            self.send(ack);
        }
        if self.in_flight.is_empty() {
            return;
        }
        actix_rt::spawn(async move {
            let mut timer = Timer::default();
            loop {
                if self.memory.left() == 0 {
                    // They are cancelled: the memory is for open connections.
                    return;
                }
                let Some(finished) = poll_fn(|task| self.poll_next(&mut timer, task)).await else {
                    return;
                };
                let left_out = finished.left_out;
                self.counters.count(|statistics| statistics.actions_dropped += left_out as u64);
                if let Some(trace) = finished.trace {
                    trace.end(left_out);
                }
                self.send(finished.ack);
            }
        });
    }

    fn send(&self, ack: Ack) {
        if let Err(reroute) = self.ack_router.reroute(RoutedAck { group: self.group.clone(), ack })
        {
            Rc::clone(&self.ack_router).reroute_elsewhere(reroute);
        }
    }

    /// The next complete ACK; `None` after the last.
    fn poll_next(
        &mut self,
        timer: &mut Timer,
        task: &mut Context<'_>,
    ) -> Poll<Option<CompletedAck>> {
        loop {
            if let Some(finished) = self.in_flight.poll_next(task) {
                return Poll::Ready(Some(finished));
            }
            if self.in_flight.is_empty() {
                return Poll::Ready(None);
            }
            if let Some(deadline) = self.in_flight.deadline() {
                timer.arm(deadline);
            }
            if !timer.poll(task) {
                return Poll::Pending;
            }
            self.in_flight.expire(Instant::now());
        }
    }
}
