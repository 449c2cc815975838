//! Health: the answer to health checks, and when the last one arrived.

use std::cell::Cell;

use tokio::time::{Duration, Instant};

/// A client that has not checked for this long is not expected to check again soon.
const LATELY: Duration = Duration::from_secs(30);

/// The answer to health checks on an arbiter.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_down: Cell<bool>,
    asked: Cell<Option<Instant>>,
}

impl Health {
    /// A health check arrived; whether the agent is healthy.
    pub(crate) fn ask(&self) -> bool {
        self.asked.set(Some(Instant::now()));
        !self.is_down.get()
    }

    /// From now on health checks are refused. Returns whether any came recently.
    pub(crate) fn go_down(&self) -> bool {
        self.is_down.set(true);
        self.asked.get().is_some_and(|asked| asked.elapsed() <= LATELY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_who_asked_lately_will_see_that_it_is_down() {
        let health = Health::default();
        assert!(!health.go_down() && !health.ask());
        assert!(health.go_down());
        tokio::time::advance(LATELY + Duration::from_millis(1)).await;
        assert!(!health.go_down());
    }
}
