//! Rate limit: one line per second and cause, with the number of suppressed lines.

use std::{cell::Cell, time::Duration};

use tokio::time::Instant;

/// The time between two lines about the same cause.
const INTERVAL: Duration = Duration::from_secs(1);

/// Permits one line per second.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    last: Cell<Option<Instant>>,
    suppressed: Cell<u64>,
}

impl RateLimit {
    /// Permits a line, and returns how many were suppressed since the last one.
    pub(crate) fn permit(&self) -> Option<u64> {
        let now = Instant::now();
        if self.last.get().is_some_and(|last| now - last < INTERVAL) {
            // Counted, so that the next line reports how many were suppressed.
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        self.last.set(Some(now));
        Some(self.suppressed.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_tells_how_many_were_left_unsaid() {
        let throttle = RateLimit::default();
        assert_eq!(throttle.permit(), Some(0));
        assert_eq!(throttle.permit(), None);
        assert_eq!(throttle.permit(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(throttle.permit(), Some(2));
    }
}
