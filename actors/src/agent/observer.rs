//! Observer: statistics, status and readiness of an agent from any thread.

use std::{fmt, sync::Arc};

use actix::{Addr, Handler, Message, dev::ToEnvelope};
use futures_util::future::join_all;
use tokio::time::{Duration, Instant, timeout};

use super::supervisor::{
    ArbiterStatus, ReadinessRequest, StatisticsRequest, StatusRequest, Supervisor,
};
use crate::{
    arbiter::AgentContext,
    observe::{ListenerCounters, Statistics},
    status::{Readiness, Status},
};

/// How long an arbiter has to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads statistics, status and readiness of an agent from any thread with a tokio runtime, while
/// the agent serves and while it stops.
///
/// It costs the agent one message to each arbiter, and for [`status`](Self::status) one to each
/// shown connection.
///
/// ```
/// # use spoa_actors::*;
/// use spoa_actors::status::Readiness;
///
/// # #[actix_rt::main]
/// # async fn main() -> Result<(), AgentError> {
/// # let registry = Registry::new();
/// let running = Agent::bind("127.0.0.1:0")?.start(registry).await?;
/// let observer = running.observer();
/// assert_eq!(observer.readiness().await, Readiness::Ready);
/// assert!(observer.status(100).await.connections.is_empty());
/// # running.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Observer {
    arbiters: Arc<[Addr<Supervisor>]>,
    listeners: Arc<ListenerCounters>,
    common: AgentContext,
    since: Instant,
}

impl Observer {
    pub(crate) fn new(
        arbiters: Arc<[Addr<Supervisor>]>,
        listeners: Arc<ListenerCounters>,
        common: AgentContext,
        since: Instant,
    ) -> Self {
        Self { arbiters, listeners, common, since }
    }

    /// The statistics so far, of all arbiters together. An arbiter that does not answer within 1 s
    /// is missing, and counted in [`workers_unresponsive`](Statistics::workers_unresponsive).
    pub async fn statistics(&self) -> Statistics {
        self.add_up(&self.ask(|| StatisticsRequest).await)
    }

    /// The statistics, up to `most` open connections, and recent violations.
    pub async fn status(&self, most: usize) -> Status {
        let mut insights = self.ask(|| StatusRequest { most }).await;
        let down = insights.iter().map(|insight| Some(insight.as_ref()?.down.clone()));
        let readiness = self.judge(down);
        let mut status = Status {
            statistics: Statistics::default(),
            readiness,
            connections: Vec::new(),
            violations: Vec::new(),
            limits: self.common.current_limits.get(),
            arbiters: self.arbiters.len(),
            uptime: self.since.elapsed(),
        };
        for ArbiterStatus { connections, violations, .. } in insights.iter_mut().flatten() {
            status.connections.append(connections);
            status.violations.append(violations);
        }
        let statistics: Vec<_> =
            insights.into_iter().map(|insight| Some(insight?.statistics)).collect();
        status.statistics = self.add_up(&statistics);
        status.connections.sort_by_key(|connection| std::cmp::Reverse(connection.age));
        status.connections.truncate(most);
        status.violations.sort_by_key(|violation| std::cmp::Reverse(violation.time));
        status
    }

    /// Whether clients should send requests: the agent does not stop, and no required handler is
    /// down on any arbiter.
    ///
    /// Each call counts as a health check: if a stop follows, the agent keeps serving for
    /// [`notice_period`](crate::Limits::notice_period), so that the caller sees that it drains, before
    /// connections close.
    pub async fn readiness(&self) -> Readiness {
        if self.common.is_draining() {
            return Readiness::Draining;
        }
        self.judge(self.ask(|| ReadinessRequest).await.into_iter())
    }

    /// Sends a message to every arbiter; `None` for one that does not answer in time.
    async fn ask<M>(&self, message: impl Fn() -> M) -> Vec<Option<M::Result>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Supervisor: Handler<M>,
        <Supervisor as actix::Actor>::Context: ToEnvelope<Supervisor, M>,
    {
        let ask = |arbiter: &Addr<Supervisor>| timeout(PATIENCE, arbiter.send(message()));
        let answers = join_all(self.arbiters.iter().map(ask)).await;
        answers.into_iter().map(|answer| answer.ok()?.ok()).collect()
    }

    /// The readiness, from the required routes that are down on each arbiter.
    fn judge(&self, down: impl Iterator<Item = Option<Option<String>>>) -> Readiness {
        if self.common.is_draining() {
            return Readiness::Draining;
        }
        match down.collect::<Option<Vec<_>>>() {
            None => Readiness::Unresponsive,
            Some(down) => {
                let mut down = down.into_iter().flatten();
                down.next().map_or(Readiness::Ready, |message| Readiness::HandlerDown { message })
            }
        }
    }

    fn add_up(&self, arbiters: &[Option<Statistics>]) -> Statistics {
        let mut all = self.listeners.snapshot();
        for arbiter in arbiters {
            match arbiter {
                Some(statistics) => all.add(statistics),
                None => all.workers_unresponsive += 1,
            }
        }
        all.buffered_bytes = self.common.memory.held() as u64;
        all.reloads = self.common.reloads.snapshot();
        all
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("arbiters", &self.arbiters.len()).finish_non_exhaustive()
    }
}
