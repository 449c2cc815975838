//! Timer: of a connection, armed only when needed.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    pin::Pin,
    task::Context,
};

use tokio::time::{Duration, Instant, Sleep, sleep_until};

/// A timer that can be moved; it takes hardly any memory while it is off.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Expires at `at`, or earlier if it was armed for earlier.
    pub(super) fn arm(&mut self, at: Instant) {
        match &mut self.armed {
            Some(sleep) if sleep.deadline() <= at => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.armed = Some(Box::pin(sleep_until(at))),
        }
    }

    /// Turns the timer off.
    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether it is armed.
    pub(super) fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Whether it has expired; it is off then.
    #[inline]
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> bool {
        let Some(sleep) = &mut self.armed else {
            return false;
        };
        let went_off = sleep.as_mut().poll(task).is_ready();
        if went_off {
            self.armed = None;
        }
        went_off
    }
}

/// `duration` ±10 %, so that timers armed together do not expire together.
pub(super) fn jittered(duration: Duration) -> Duration {
    // Each call has random keys.
    let random = RandomState::new().build_hasher().finish();
    duration.mul_f64(0.9 + 0.2 * (random as f64 / u64::MAX as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_differ_by_a_tenth_at_the_most() {
        let second = Duration::from_secs(1);
        let mut jittered: Vec<_> = (0..100).map(|_| jittered(second)).collect();
        jittered.sort_unstable();
        let (shortest, longest) = (jittered[0], jittered[99]);
        assert!(shortest >= second * 9 / 10 && longest <= second * 11 / 10);
        assert!(longest - shortest > second / 10, "from {shortest:?} to {longest:?}");
    }
}
