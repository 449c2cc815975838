//! Turn: how much of what a peer has sent is taken before others of its arbiter have theirs, and how
//! late it is meanwhile.

use std::{
    cell::Cell,
    pin::pin,
    task::{Context, Poll},
};

use tokio::{
    task::yield_now,
    time::{Duration, Instant},
};

/// How much is taken in one turn: so many frames, or messages behind the first of a NOTIFY, or
/// kibibytes. A peer that sends without end, or in one frame what could be a thousand, is no reason for
/// others to be late.
const WORK: usize = 256;

/// What is taken beyond so many bytes of a frame counts as one more.
const LONG: usize = 1024;

/// A turn ends after this time: what is answered shall leave while the rest waits.
const TIME: Duration = Duration::from_millis(1);

/// The clock is looked at behind the first call of each route in a turn, and behind every so many calls: a
/// look costs as much as a call. Once a call has taken long, it is looked at behind each, for a turn.
const LOOK: usize = 16;

/// One turn of a connection.
pub(crate) struct Turn {
    /// Which one of its arbiter it is.
    number: u64,
    began: Instant,
    /// How much time had passed since the arrival of what is taken when the turn began.
    behind: Duration,
    /// The same when the clock was looked at last.
    passed: Cell<Duration>,
    /// How much may still be taken.
    work: Cell<usize>,
    /// How much that was when the clock was looked at last.
    looked: Cell<usize>,
    /// Behind how many calls the clock is looked at.
    look: usize,
    /// Whether it has taken all its time.
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

    /// The next turn begins now, so long after what is taken had come; it has this number.
    #[inline]
    pub(crate) fn begin(&mut self, number: u64, now: Instant, behind: Duration) {
        self.number = number;
        self.began = now;
        self.behind = behind;
        self.passed.set(behind);
        self.work.set(WORK);
        // What was looked at in the turn before says nothing of this one.
        self.looked.set(WORK);
        self.look = if self.is_slow.take() { 1 } else { LOOK };
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// How much time has passed since the arrival; looks at the clock, unless that was done behind the
    /// last call.
    pub(crate) fn passed(&self) -> Duration {
        if self.looked != self.work {
            self.look();
        }
        self.passed.get()
    }

    /// Whether others have their turn before more is taken.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.work.get() == 0
    }

    /// A frame of so many bytes is taken.
    #[inline]
    pub(crate) fn take_frame(&self, length: usize) {
        self.spend(1 + length / LONG);
    }

    /// A message behind the first of its NOTIFY is taken.
    pub(crate) fn take_message(&self) {
        self.spend(1);
    }

    #[inline]
    fn spend(&self, work: usize) {
        self.work.set(self.work.get().saturating_sub(work));
    }

    /// Whether what may take `time` from its arrival on is late, as far as is known.
    #[inline]
    pub(crate) fn is_late(&self, time: Duration) -> bool {
        self.passed.get() >= time
    }

    /// Whether the clock is to be looked at behind this call.
    #[inline]
    pub(crate) fn wants_a_look(&self) -> bool {
        // Either is a power of two.
        self.work.get() & (self.look - 1) == 0
    }

    /// Looks at the clock; returns for how long the turn lasts already.
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

/// Has the task woken when all others that are ready have had their turn, and the sockets have been
/// looked at: what has come for another connection meanwhile is not behind this one.
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
