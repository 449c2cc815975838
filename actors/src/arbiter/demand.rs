//! Demand: whether HAProxy has ever sent an agent messages, or only health checks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio::time::{Duration, Instant};

/// A younger agent may not be in use yet.
const LONG: Duration = Duration::from_mins(10);
/// Fewer checks can be those of a person.
const MANY: u64 = 10;

/// Whether any arbiter of an agent got connections other than health checks; clones belong to the
/// same agent.
///
/// HAProxy opens a connection for messages when it has one to send. So its HELLO is enough, and no
/// NOTIFY needs a check. An agent that once got messages is not reported: nights are quiet.
#[derive(Clone, Debug)]
pub(crate) struct Demand(Arc<State>);

#[derive(Debug)]
struct State {
    since: Instant,
    checks: AtomicU64,
    /// The agent got messages, or it was reported that it did not.
    is_settled: AtomicBool,
}

impl Demand {
    /// A connection for messages has sent HELLO.
    pub(crate) fn asked(&self) {
        self.0.is_settled.store(true, Relaxed);
    }

    /// A health check was answered. Returns their number, once, if no messages have come for long.
    pub(crate) fn checked(&self) -> Option<u64> {
        let State { since, checks, is_settled } = &*self.0;
        if is_settled.load(Relaxed) {
            return None;
        }
        let checks = checks.fetch_add(1, Relaxed) + 1;
        let is_missed = checks >= MANY && since.elapsed() >= LONG;
        (is_missed && !is_settled.swap(true, Relaxed)).then_some(checks)
    }
}

impl Default for Demand {
    fn default() -> Self {
        let (checks, is_settled) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(State { since: Instant::now(), checks, is_settled }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_checks_and_a_long_time_are_needed_and_it_is_said_once() {
        let (often, seldom) = (Demand::default(), Demand::default());
        assert!((0..1000).all(|_| often.checked().is_none()));
        tokio::time::advance(LONG).await;
        let other_arbiter = often.clone();
        assert_eq!((other_arbiter.checked(), often.checked()), (Some(1001), None));
        assert!((1..MANY).all(|_| seldom.checked().is_none()));
        assert_eq!(seldom.checked(), Some(MANY));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_was_asked_once_may_be_left_alone() {
        let demand = Demand::default();
        demand.clone().asked();
        tokio::time::advance(10 * LONG).await;
        assert!((0..1000).all(|_| demand.checked().is_none()));
    }
}
