//! Health: what health checks are told, and whether anybody asks, HAProxy or others.

use std::cell::Cell;

use tokio::time::{Duration, Instant};

/// An HAProxy that has not asked for so long is not expected to ask again soon.
const LATELY: Duration = Duration::from_secs(30);

/// What the health checks of an arbiter's connections are told.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_down: Cell<bool>,
    asked: Cell<Option<Instant>>,
}

impl Health {
    /// Whether a health check that comes now is told that all is well.
    pub(crate) fn ask(&self) -> bool {
        self.asked.set(Some(Instant::now()));
        !self.is_down.get()
    }

    /// From now on health checks are told that this agent is down. Says whether any came lately.
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
