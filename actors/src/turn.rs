//! Turn: limits what the agent takes from one peer before the other connections of its arbiter have
//! their turn, and measures the delay meanwhile.

use std::{
    cell::Cell,
    pin::pin,
    task::{Context, Poll},
};

use tokio::{
    task::yield_now,
    time::{Duration, Instant},
};

/// The work of one turn: frames, messages after the first of a NOTIFY, and KiB. A peer that sends
/// without a pause, or a thousand messages in one frame, does not delay others.
const WORK: usize = 256;

/// Each further part of a frame with this many bytes counts as one more.
const LONG: usize = 1024;

/// A turn ends after this time, so that answers leave while the rest waits.
const TIME: Duration = Duration::from_millis(1);

/// The clock is read after the first call of each route in a turn, and after every 16th call,
/// because reading it costs as much as a call. Once a call was slow, it is read after each call,
/// for one turn.
const LOOK: usize = 16;

/// One turn of a connection.
pub(crate) struct Turn {
    /// Its number on the arbiter.
    number: u64,
    began: Instant,
    /// The delay when the turn began: the time since the bytes arrived.
    behind: Duration,
    /// The delay when the clock was last read.
    passed: Cell<Duration>,
    /// How much work is left.
    work: Cell<usize>,
    /// How much work was left when the clock was last read.
    looked: Cell<usize>,
    /// The clock is read after this many calls.
    look: usize,
    /// Whether the time of the turn is over.
    is_slow: Cell<bool>,
}

impl Turn {
    /// The first turn.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            number: 0,
            began: now,
            behind: Duration::ZERO,
            passed: Cell::default(),
            work: Cell::new(WORK),
            looked: Cell::default(),
            look: LOOK,
            is_slow: Cell::default(),
        }
    }

    /// Begins the next turn, with its number, now, and the time since its bytes arrived.
    #[inline]
    pub(crate) fn begin(&mut self, number: u64, now: Instant, behind: Duration) {
        self.number = number;
        self.began = now;
        self.behind = behind;
        self.passed.set(behind);
        self.work.set(WORK);
        // What was read in the previous turn does not apply.
        self.looked.set(WORK);
        self.look = if self.is_slow.take() { 1 } else { LOOK };
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The time since the arrival. Reads the clock, unless that was done after the last call.
    pub(crate) fn passed(&self) -> Duration {
        if self.looked != self.work {
            self.look();
        }
        self.passed.get()
    }

    /// Whether the turn is over.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.work.get() == 0
    }

    /// Counts a frame of this size.
    #[inline]
    pub(crate) fn take_frame(&self, length: usize) {
        self.spend(1 + length / LONG);
    }

    /// Counts a message after the first of its NOTIFY.
    pub(crate) fn take_message(&self) {
        self.spend(1);
    }

    #[inline]
    fn spend(&self, work: usize) {
        self.work.set(self.work.get().saturating_sub(work));
    }

    /// Whether a message with this deadline after its arrival is late, as far as is known.
    #[inline]
    pub(crate) fn is_late(&self, time: Duration) -> bool {
        self.passed.get() >= time
    }

    /// Whether to read the clock after this call.
    #[inline]
    pub(crate) fn wants_a_look(&self) -> bool {
        // Both are powers of two.
        self.work.get() & (self.look - 1) == 0
    }

    /// Reads the clock; returns how long the turn has lasted.
    #[inline(never)]
    pub(crate) fn look(&self) -> Duration {
        let took = self.began.elapsed();
        self.passed.set(self.behind + took);
        self.looked.set(self.work.get());
        if took >= TIME {
            self.is_slow.set(true);
            self.work.set(0);
            self.looked.set(0);
        }
        took
    }
}

/// Wakes the task after all other ready tasks have run and the sockets were polled: bytes of other
/// connections are taken first.
pub(crate) fn give_way(task: &mut Context<'_>) {
    // Its waker is woken later, in every runtime.
    let _: Poll<()> = pin!(yield_now()).poll(task);
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_in_one_turn_says_nothing_of_the_next() {
        let mut turn = Turn::new(Instant::now());
        for number in 1..=2 {
            turn.begin(number, Instant::now(), Duration::ZERO);
            turn.take_frame(10);
            advance(Duration::from_micros(10 * number)).await;
            assert_eq!(turn.passed(), Duration::from_micros(10 * number));
        }
    }
}
