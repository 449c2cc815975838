//! Restarts: when a handler that has failed is renewed, and when it has failed too often.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The delay before the second renewal within a window; it doubles from one to the next.
const FIRST_DELAY: Duration = Duration::from_millis(5);
/// No delay is longer, but for its jitter.
const LONGEST_DELAY: Duration = Duration::from_millis(250);

/// How often a handler may be renewed: so many times within any such window.
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
    /// Renew after this delay; messages wait.
    Renew(Duration),
    /// The budget is spent: answer with the fallback, and renew after this delay.
    GiveUp(Duration),
}

/// The failures of one handler.
#[derive(Debug)]
pub(crate) struct Restarts {
    budget: Budget,
    /// Those within the window, the oldest first.
    failures: VecDeque<Instant>,
    /// When the one try after the budget was spent has proved itself.
    proved_at: Option<Instant>,
}

impl Restarts {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, failures: VecDeque::new(), proved_at: None }
    }

    /// Takes note of a failure. `jitter` is between 0 and 1: handlers that failed together shall not
    /// come back together.
    pub(crate) fn fail(&mut self, now: Instant, jitter: f64) -> Verdict {
        let Budget { count, window } = self.budget;
        while self.failures.front().is_some_and(|&failure| failure + window <= now) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let is_unproved = self.proved_at.take().is_some_and(|proved_at| now < proved_at);
        if is_unproved || self.failures.len() > count {
            self.failures.clear();
            let delay = window.mul_f64(1.0 + jitter / 4.0);
            // The try comes after that, and has to last for a window.
            self.proved_at = Some(now + delay + window);
            return Verdict::GiveUp(delay);
        }
        // The first renewal comes at once.
        let Some(doublings) = self.failures.len().checked_sub(2) else {
            return Verdict::Renew(Duration::ZERO);
        };
        let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_DELAY);
        Verdict::Renew(delay.mul_f64(0.5 + jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn restarts(count: usize) -> (Restarts, Instant) {
        (Restarts::new(Budget { count, window: WINDOW }), Instant::now())
    }

    #[test]
    fn the_first_renewal_is_immediate_and_the_others_come_later_and_later() {
        let (mut restarts, now) = restarts(100);
        let delays: Vec<_> = (0..9).map(|_| restarts.fail(now, 0.5)).collect();
        let expected = [0, 5, 10, 20, 40, 80, 160, 250, 250];
        assert_eq!(delays, expected.map(|ms| Verdict::Renew(Duration::from_millis(ms))));
    }

    #[test]
    fn jitter_moves_a_delay_by_half_at_most() {
        for (jitter, micros) in [(0.0, 2500), (1.0, 7500)] {
            let (mut restarts, now) = restarts(10);
            restarts.fail(now, jitter);
            let delay = Verdict::Renew(Duration::from_micros(micros));
            assert_eq!(restarts.fail(now, jitter), delay);
        }
    }

    #[test]
    fn beyond_the_budget_there_is_one_try_a_window() {
        let (mut restarts, now) = restarts(2);
        assert!(matches!(restarts.fail(now, 0.0), Verdict::Renew(_)));
        assert!(matches!(restarts.fail(now, 0.0), Verdict::Renew(_)));
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
        assert_eq!(restarts.fail(later, 0.0), Verdict::Renew(Duration::ZERO));
    }

    #[test]
    fn failures_that_are_far_apart_never_spend_the_budget() {
        let (mut restarts, now) = restarts(1);
        for n in 0..100 {
            let verdict = restarts.fail(now + n * WINDOW, 0.0);
            assert_eq!(verdict, Verdict::Renew(Duration::ZERO));
        }
    }

    #[test]
    fn without_a_budget_the_first_failure_is_one_too_many() {
        let (mut restarts, now) = restarts(0);
        assert_eq!(restarts.fail(now, 0.0), Verdict::GiveUp(WINDOW));
    }
}
