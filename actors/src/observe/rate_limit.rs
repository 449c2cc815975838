//! Rate limit: one line a second for each cause, with the number of those suppressed.

use std::{cell::Cell, time::Duration};

use tokio::time::Instant;

/// How far apart two lines about the same cause are.
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets one line through a second.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    last: Cell<Option<Instant>>,
    suppressed: Cell<u64>,
}

impl RateLimit {
    /// How many were left suppressed since the last line, if a line may be written now.
    pub(crate) fn permit(&self) -> Option<u64> {
        let now = Instant::now();
        if self.last.get().is_some_and(|last| now - last < INTERVAL) {
            // Counted, so that the next line says how many it stands for.
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
