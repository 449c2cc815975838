//! Draining: a connection answers requests, but holds its ACKs back, before its DISCONNECT.

use std::{io, sync::Arc, task::Context};

use tokio::time::{Duration, Instant};

use super::{Connection, Phase, normal_disconnect};
use crate::connection::{
    closing::Closing,
    drain_clock::DrainClock,
    drain_window::{DrainWindow, Received},
    next::Next,
    transport::Transport,
};

/// A connection that could not end goes on for a tenth of its age, but for ten times as long as it may
/// hold its ACKs back at the least.
const RETRY_AFTER: u32 = 10;

/// How long a connection without a HELLO may still bring it once the agent stops, or what comes before
/// it. HAProxy sends both as soon as it is connected.
pub(crate) const HELLO_AT_STOP: Duration = Duration::from_millis(500);

impl<S: Transport> Connection<S> {
    /// Drains a connection that was to, and has its HELLO now. Says whether it was.
    pub(super) fn drain_newcomer(&mut self) -> bool {
        let clock = self.newcomer.take_if(|_| self.conversation.is_greeted());
        clock.is_some_and(|clock| {
            clock.end(Instant::now());
            self.begin_drain(clock);
            true
        })
    }

    /// Begins the drain of a stop.
    pub(super) fn begin_drain(&mut self, clock: Arc<DrainClock>) {
        let now = Instant::now();
        if matches!(self.phase, Phase::Open) {
            if !self.conversation.is_greeted() {
                // HAProxy has requests that wait for the answer to its HELLO, and has lost them if it is
                // a DISCONNECT.
                self.timer.arm(now + HELLO_AT_STOP);
                self.newcomer = Some(clock);
                return;
            }
            // A window must begin with everything sent: HAProxy counts its NOTIFYs without an ACK from
            // there.
            if !self.stream.has_left() {
                // The peer is behind, and holding gains nothing.
                return self.begin_end(Closing::after_input(normal_disconnect()));
            }
            self.hold_back(self.new_window(now));
        }
        if let Phase::Draining(window) = &mut self.phase {
            // What is held back shall leave well before the process ends.
            window.join(clock, now + self.shared.limits().shutdown_timeout / 2);
            self.timer.arm(window.next());
        }
    }

    /// What it holds its ACKs back by if it is too old, and no other of the agent does so. It counts from
    /// before NOTIFYs are taken and answered.
    ///
    /// There is no haste: what is under way is not risked.
    pub(super) fn retirement(&self) -> Option<DrainWindow> {
        // ACKs on their way to HAProxy would be answered with new NOTIFYs, which the window does
        // not count.
        if !self.is_too_old || !self.stream.has_left() {
            return None;
        }
        let slot = self.shared.common.recycling.take_one()?;
        Some(self.new_window(Instant::now()).with_recycle_slot(slot))
    }

    /// An idle connection stays open when it exceeds its age: HAProxy can send twenty NOTIFYs at
    /// once while a DISCONNECT is on its way.
    pub(super) fn has_something_to_hold_back(&self) -> bool {
        !self.conversation.is_idle() || !self.stream.output.is_empty()
    }

    pub(super) fn new_window(&self, now: Instant) -> DrainWindow {
        let (unanswered, first_due) =
            (self.conversation.unanswered(), self.conversation.first_due(now));
        DrainWindow::new(now, self.received(), unanswered, self.shared.hold_time(), first_due)
    }

    pub(super) fn hold_back(&mut self, window: DrainWindow) {
        self.enter(Phase::Draining(Box::new(window)));
    }

    fn received(&self) -> Received {
        Received { bytes: self.stream.received(), notifies: self.conversation.notifies() }
    }

    /// Converses without writing, until all that HAProxy may send has come.
    pub(super) fn drain(&mut self, task: &mut Context<'_>) -> io::Result<Next> {
        let next = self.take(task)?;
        let (now, received) = (Instant::now(), self.received());
        // The stream has ended: the end has its first turn.
        let Phase::Draining(window) = &mut self.phase else { return Ok(Next::Again) };
        // Also when nothing came: that nothing came is what the window is about.
        window.saw(received, now);
        // Not while there can be more to read at once, or a frame is incomplete.
        let is_settled =
            next == Next::Wait && self.conversation.is_idle() && !self.conversation.has_begun();
        let is_quiet = is_settled && window.is_quiet();
        if window.must_end(now) {
            self.conversation.give_up();
        } else if !is_quiet {
            // What is not read may be a NOTIFY; and what was let go shall leave.
            let must_flush =
                self.stream.is_behind() || self.conversation.is_clogged(&self.stream.output);
            let is_over = must_flush || window.is_over(now);
            self.timer.arm(window.next());
            return if is_over { self.let_go(now, next, task) } else { Ok(next) };
        }
        if window.is_recycling() {
            tracing::debug!(peer = %self.conversation.peer().address, "the connection is recycled");
            self.shared.counters.count(|statistics| statistics.connections_expired += 1);
        }
        self.begin_end(Closing::after_input(normal_disconnect()));
        // At once, so that the DISCONNECT leaves with the ACKs.
        self.end(task)
    }

    /// Sends what was held back for as long as it may be, while more is under way. A stop goes on
    /// holding what comes next; who is only too old tries again later.
    fn let_go(&mut self, now: Instant, next: Next, task: &mut Context<'_>) -> io::Result<Next> {
        let Phase::Draining(window) = &mut self.phase else { return Ok(next) };
        if window.is_of_a_stop() {
            window.renew(now, self.conversation.first_due(now));
            self.timer.arm(window.next());
            return Ok(next.if_flushed(self.stream.poll_flush(task)?.is_ready()));
        }
        let age = self.shared.limits().max_connection_age;
        let later = |age: Duration| now + (age / RETRY_AFTER).max(RETRY_AFTER * window.time());
        self.retires = age.map(later);
        self.is_too_old = false;
        self.enter(Phase::Open);
        // It sends, and has the timer armed for what is in flight.
        Ok(Next::Again)
    }
}
