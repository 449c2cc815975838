//! Restarts: when a failed handler is restarted, and when it has failed too often.
//!
//! Only a handler that does not work uses its budget: one that does not start, or has never
//! answered. If a handler has answered, its panics depend on messages, which any client can send.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The delay before the second restart in a row; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(5);
/// The longest delay, without jitter.
const LONGEST_DELAY: Duration = Duration::from_millis(250);

/// A handler that works, and runs for this long before it panics again, is restarted at once.
const CALM: Duration = Duration::from_secs(1);

/// How many failures within a window a handler has before it has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Budget {
    pub(crate) count: usize,
    pub(crate) window: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { count: 10, window: Duration::from_secs(10) }
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Restart after this delay.
    Restart(Duration),
    /// The budget is spent: restart after this delay.
    GiveUp(Duration),
}

/// The failures of one handler.
#[derive(Debug)]
pub(crate) struct Restarts {
    budget: Budget,
    /// Those within the window, oldest first.
    failures: VecDeque<Instant>,
    /// When a working handler was last to be restarted, and how many restarts in a row had no calm
    /// between.
    stumbled: Option<(Instant, u32)>,
    /// When the single try after the budget was used counts as successful.
    proved_at: Option<Instant>,
}

impl Restarts {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, failures: VecDeque::new(), stumbled: None, proved_at: None }
    }

    /// From now on it may fail so often.
    pub(crate) fn change(&mut self, budget: Budget) {
        self.budget = budget;
    }

    /// A working handler has panicked: it has its full budget again, and is restarted after this
    /// delay, the first time at once. `jitter` is as for [`fail`](Self::fail).
    pub(crate) fn stumble(&mut self, now: Instant, jitter: f64) -> Duration {
        self.failures.clear();
        self.proved_at = None;
        let in_a_row = match self.stumbled {
            Some((last, in_a_row)) if now < last + CALM => in_a_row.saturating_add(1),
            _ => 0,
        };
        let delay = delay(in_a_row, jitter);
        // The calm begins when the handler runs again.
        self.stumbled = Some((now + delay, in_a_row));
        delay
    }

    /// Records a failure of a handler that may not work at all. `jitter` is between 0 and 1, so
    /// that handlers that failed together do not restart together.
    pub(crate) fn fail(&mut self, now: Instant, jitter: f64) -> Verdict {
        let Budget { count, window } = self.budget;
        while self.failures.front().is_some_and(|&failure| failure + window <= now) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        // Once it was given up, one more failure is enough: otherwise a handler that never starts
        // would use a whole budget of starts in each window.
        let is_unproved = self.proved_at.take().is_some_and(|proved_at| now < proved_at);
        if is_unproved || self.failures.len() > count {
            self.failures.clear();
            let delay = window.mul_f64(1.0 + jitter / 4.0);
            // The try comes after the delay, and has to last for a window.
            self.proved_at = Some(now + delay + window);
            return Verdict::GiveUp(delay);
        }
        let in_a_row = u32::try_from(self.failures.len() - 1).unwrap_or(u32::MAX);
        Verdict::Restart(delay(in_a_row, jitter))
    }
}

/// The delay before a restart: none for the first in a row.
fn delay(in_a_row: u32, jitter: f64) -> Duration {
    let Some(doublings) = in_a_row.checked_sub(1) else { return Duration::ZERO };
    let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_DELAY);
    delay.mul_f64(0.5 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn restarts(count: usize) -> (Restarts, Instant) {
        (Restarts::new(Budget { count, window: WINDOW }), Instant::now())
    }

    #[test]
    fn the_first_restart_is_immediate_and_the_others_come_later_and_later() {
        let (mut restarts, now) = restarts(100);
        let delays: Vec<_> = (0..9).map(|_| restarts.fail(now, 0.5)).collect();
        let expected = [0, 5, 10, 20, 40, 80, 160, 250, 250];
        assert_eq!(delays, expected.map(|ms| Verdict::Restart(Duration::from_millis(ms))));
    }

    #[test]
    fn jitter_moves_a_delay_by_half_at_most() {
        for (jitter, micros) in [(0.0, 2500), (1.0, 7500)] {
            let (mut restarts, now) = restarts(10);
            restarts.fail(now, jitter);
            let delay = Verdict::Restart(Duration::from_micros(micros));
            assert_eq!(restarts.fail(now, jitter), delay);
        }
    }

    #[test]
    fn beyond_the_budget_there_is_one_try_a_window() {
        let (mut restarts, now) = restarts(2);
        assert!(matches!(restarts.fail(now, 0.0), Verdict::Restart(_)));
        assert!(matches!(restarts.fail(now, 0.0), Verdict::Restart(_)));
        assert_eq!(restarts.fail(now, 0.0), Verdict::GiveUp(WINDOW));
        let tried = now + WINDOW;
        assert_eq!(restarts.fail(tried, 0.0), Verdict::GiveUp(WINDOW));
        let tried = tried + WINDOW;
        assert_eq!(restarts.fail(tried + WINDOW / 2, 0.0), Verdict::GiveUp(WINDOW));
    }

    #[test]
    fn a_handler_that_has_lasted_a_window_has_its_budget_again() {
        let (mut restarts, now) = restarts(1);
        restarts.fail(now, 0.0);
        assert_eq!(restarts.fail(now, 0.0), Verdict::GiveUp(WINDOW));
        let later = now + 2 * WINDOW;
        assert_eq!(restarts.fail(later, 0.0), Verdict::Restart(Duration::ZERO));
    }

    #[test]
    fn failures_that_are_far_apart_never_spend_the_budget() {
        let (mut restarts, now) = restarts(1);
        for n in 0..100 {
            let verdict = restarts.fail(now + n * WINDOW, 0.0);
            assert_eq!(verdict, Verdict::Restart(Duration::ZERO));
        }
    }

    #[test]
    fn a_handler_that_works_is_restarted_ever_later_and_at_once_after_a_calm_second() {
        let (mut restarts, mut now) = restarts(0);
        let expected = [0, 5, 10, 20, 40, 80, 160, 250, 250];
        for ms in expected {
            let delay = restarts.stumble(now, 0.5);
            assert_eq!(delay, Duration::from_millis(ms));
            now += delay + CALM - Duration::from_millis(1);
        }
        assert_eq!(restarts.stumble(now + CALM, 0.5), Duration::ZERO);
    }

    #[test]
    fn a_handler_that_works_has_its_whole_budget() {
        let (mut restarts, now) = restarts(1);
        for _ in 0..100 {
            assert_eq!(restarts.fail(now, 0.0), Verdict::Restart(Duration::ZERO));
            restarts.stumble(now, 0.0);
        }
    }

    #[test]
    fn without_a_budget_the_first_failure_is_one_too_many() {
        let (mut restarts, now) = restarts(0);
        assert_eq!(restarts.fail(now, 0.0), Verdict::GiveUp(WINDOW));
    }
}
