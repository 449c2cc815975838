//! Hold: how long a connection holds its ACKs back before its farewell.

use tokio::time::{Duration, Instant};

use crate::limits::Limits;

/// A connection holds its ACKs back before its farewell.
///
/// There is no frame that tells HAProxy to send no more, and what it sends until it sees the farewell
/// is lost. But it sends no more than so many NOTIFYs without an ACK: once they have come, or no more
/// do, all ACKs and the farewell leave in one write, and nothing is under way.
#[derive(Debug)]
pub(crate) struct Hold {
    quiet_time: Duration,
    /// How many bytes had come when it was looked at last.
    received: u64,
    /// When nothing has come for long enough.
    quiet_at: Instant,
    /// When what is held back has waited for long enough.
    until: Instant,
}

impl Hold {
    /// Begins now, with so many bytes received, the oldest NOTIFY in flight having come at `oldest`.
    pub(crate) fn new(
        now: Instant,
        received: u64,
        oldest: Option<Instant>,
        limits: &Limits,
    ) -> Self {
        let quiet_time = limits.quiet_time();
        // An ACK that is ready shall not wait beyond its own deadline, nor for the process to end.
        let until =
            (oldest.unwrap_or(now) + limits.deadline).min(now + limits.shutdown_timeout / 2);
        Self { quiet_time, received, quiet_at: now + quiet_time, until }
    }

    /// Takes note of what has come.
    pub(crate) fn saw(&mut self, received: u64, now: Instant) {
        if received > self.received {
            self.received = received;
            self.quiet_at = now + self.quiet_time;
        }
    }

    /// Whether nothing has come for long enough.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        now >= self.quiet_at
    }

    /// Whether what is held back has waited for long enough.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// When to look again.
    pub(crate) fn next(&self, now: Instant) -> Instant {
        if self.is_quiet(now) { self.until } else { self.quiet_at.min(self.until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const QUIET: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn it_is_quiet_when_no_byte_has_come_for_the_quiet_time() {
        let now = Instant::now();
        let mut hold = Hold::new(now, 7, None, &Limits::default());
        assert!(!hold.is_quiet(now) && hold.next(now) == now + QUIET);
        hold.saw(7, now + QUIET / 2);
        assert!(hold.is_quiet(now + QUIET));
        hold.saw(8, now + QUIET / 2);
        assert!(!hold.is_quiet(now + QUIET) && hold.is_quiet(now + 3 * QUIET / 2));
        assert_eq!(hold.next(now + 2 * QUIET), now + SECOND, "only answers are waited for");
    }

    #[tokio::test]
    async fn no_ack_is_held_back_beyond_the_deadline_of_its_notify() {
        let now = Instant::now();
        let hold = Hold::new(now, 0, Some(now - SECOND / 2), &Limits::default());
        assert!(!hold.is_over(now) && hold.is_over(now + SECOND / 2));
    }

    #[tokio::test]
    async fn it_is_over_well_before_the_process_ends() {
        let now = Instant::now();
        let limits = Limits { deadline: 60 * SECOND, ..Limits::default() };
        let hold = Hold::new(now, 0, None, &limits);
        assert!(hold.is_over(now + limits.shutdown_timeout / 2));
    }
}
