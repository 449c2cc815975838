//! Holding: a connection converses, but holds its ACKs back, before it says farewell.

use std::{io, task::Context};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{Connection, Phase, goodbye};
use crate::{
    ending::Ending,
    hold::{Heard, Hold},
    quota::Share,
};

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Connection<S> {
    /// Begins to end because of its age, if it has something to hold back, and no other does so. Says
    /// whether it has begun.
    ///
    /// There is no haste: what is under way is not risked. An idle connection is left to HAProxy, which
    /// may send as many NOTIFYs as it likes while a farewell is on its way.
    pub(super) fn retire(&mut self) -> bool {
        if self.conversation.is_idle() && self.stream.output.is_empty() {
            return false;
        }
        let turn = self.shared.common.recycling.take_place();
        let has_turn = turn.is_some();
        if has_turn {
            self.is_of_age = false;
            self.hold_back(Instant::now(), turn);
        }
        has_turn
    }

    pub(super) fn hold_back(&mut self, now: Instant, turn: Option<Share>) {
        let (heard, oldest) = (self.heard(), self.conversation.oldest());
        let hold = Hold::new(now, heard, oldest, self.shared.hold_time()).with_turn(turn);
        self.enter(Phase::Holding(Box::new(hold)));
        self.timer.arm(now);
    }

    fn heard(&self) -> Heard {
        Heard { bytes: self.stream.received(), notifies: self.shared.counters.notifies() }
    }

    /// Converses without writing, until all that HAProxy may send has come. Says whether to go on at
    /// once.
    pub(super) fn hold(&mut self, task: &mut Context<'_>) -> io::Result<bool> {
        let again = self.take(task)?;
        let (now, heard) = (Instant::now(), self.heard());
        let Phase::Holding(hold) = &mut self.phase else { return Ok(true) };
        hold.saw(heard, now);
        // Not while there may be more to read at once.
        let is_quiet = !again && self.conversation.is_idle() && hold.is_quiet();
        if hold.must_end(now) {
            self.conversation.give_up();
        } else if !is_quiet && !self.conversation.is_clogged(&self.stream.output) {
            let is_over = hold.is_over(now);
            self.timer.arm(hold.next());
            return if is_over { Ok(self.let_go(now, task)? && again) } else { Ok(again) };
        }
        if hold.is_of_age() {
            tracing::debug!(peer = %self.conversation.peer().address, "the connection is recycled");
            self.shared.counters.count(|statistics| statistics.connections_recycled += 1);
        }
        self.begin_end(Ending::after_input(goodbye()));
        // At once, so that the farewell leaves with the ACKs.
        self.end(task)
    }

    /// Sends what was held back for as long as it may be, while more is under way. A stop goes on
    /// holding what comes next; who is only old tries again later. Says whether all has left.
    fn let_go(&mut self, now: Instant, task: &mut Context<'_>) -> io::Result<bool> {
        match &mut self.phase {
            Phase::Holding(hold) if hold.is_of_a_stop() => {
                hold.renew(now, self.conversation.oldest());
                let next = hold.next();
                self.timer.arm(next);
            }
            _ => {
                self.retires = Some(now + self.shared.common.limits.deadline);
                self.enter(Phase::Open);
            }
        }
        Ok(self.stream.poll_flush(task)?.is_ready())
    }
}
