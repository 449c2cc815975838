//! Workers: the arbiters of an agent, each with its supervisor; they start together.

use std::{num::NonZero, sync::Arc, time::Duration};

use actix::Addr;
use actix_rt::Arbiter;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::timeout};

use super::{
    host::Host,
    supervisor::{Stop, Supervisor},
};
use crate::{
    arbiter::AgentContext, connection::DrainClock, error::AgentError, log, route::Registry,
};

/// How long an arbiter has to answer, beyond its time to stop.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// One arbiter and its supervisor.
pub(super) struct Worker {
    pub(super) supervisor: Addr<Supervisor>,
    _thread: Thread,
}

/// The thread of an arbiter. Dropping this tells it to end, and does not wait: a handler may block
/// it.
struct Thread(Arbiter);

/// A worker whose handlers are starting.
struct Starting {
    thread: Thread,
    /// Until it has reported.
    started: Option<oneshot::Receiver<Result<Addr<Supervisor>, AgentError>>>,
    /// Once they have started.
    supervisor: Option<Addr<Supervisor>>,
}

/// Starts all workers at the same time. If one fails, or the start is given up, those that have
/// started stop gracefully.
pub(super) async fn start(
    host: &Host,
    count: NonZero<usize>,
    registry: &Arc<Registry>,
    common: &AgentContext,
) -> Result<Vec<Worker>, AgentError> {
    // If the threads cannot be started, no handler starts.
    let start_all = move || (0..count.get()).map(|_| Thread::start()).collect();
    let threads: Result<Vec<_>, _> = host.run(start_all).await?;
    let begin = |thread| Starting::begin(thread, Arc::clone(registry), common.clone());
    let mut starting: Vec<_> = threads?.into_iter().map(begin).collect();
    let started = tokio::select! {
        biased;
        started = all_started(&mut starting) => started,
        () = common.start_given_up.cancelled() => Err(AgentError::ArbiterGone),
    };
    if let Err(error) = started {
        common.start_given_up.cancel();
        let patience = 2 * common.start_limits.shutdown_timeout + PATIENCE;
        join_all(starting.into_iter().map(|starting| starting.give_up(patience))).await;
        return Err(error);
    }
    let worker = |Starting { thread, supervisor, .. }| {
        Some(Worker { supervisor: supervisor?, _thread: thread })
    };
    Ok(starting.into_iter().filter_map(worker).collect())
}

async fn all_started(starting: &mut [Starting]) -> Result<(), AgentError> {
    let mut starts: FuturesUnordered<_> = starting.iter_mut().map(Starting::has_started).collect();
    while let Some(started) = starts.next().await {
        started?;
    }
    Ok(())
}

impl Starting {
    fn begin(thread: Thread, registry: Arc<Registry>, common: AgentContext) -> Self {
        let (tell, started) = oneshot::channel();
        thread.0.spawn_fn(move || {
            actix_rt::spawn(async move {
                // The receiver is dropped only if the agent's start was dropped.
                let _ = tell.send(Supervisor::start(registry, common).await);
            });
        });
        Self { thread, started: Some(started), supervisor: None }
    }

    async fn has_started(&mut self) -> Result<(), AgentError> {
        let started = self.started.as_mut().ok_or(AgentError::ArbiterGone)?;
        let started = started.await.unwrap_or(Err(AgentError::ArbiterGone));
        self.started = None;
        self.supervisor = Some(started?);
        Ok(())
    }

    /// Stops it gracefully, unless a handler blocks its thread.
    async fn give_up(mut self, patience: Duration) {
        if self.thread.answers().await {
            let stop = async {
                if self.supervisor.is_none() {
                    // It was told to end its start.
                    self.has_started().await.ok()?;
                }
                self.supervisor.as_ref()?.send(Stop(DrainClock::begin())).await.ok()
            };
            let _ = timeout(patience, stop).await;
        } else {
            log::warn!(
                "worker thread abandoned: a handler blocks it; put the handler on threads with \
             `on_blocking`"
            );
        }
    }
}

impl Thread {
    fn start() -> Result<Self, AgentError> {
        Arbiter::try_new().map(Self).map_err(|cause| AgentError::Thread { cause })
    }

    /// Whether it answers in time.
    async fn answers(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.spawn(async move {
            // A late answer has no receiver.
            let _ = answer.send(());
        });
        timeout(PATIENCE, answered).await.is_ok_and(|answered| answered.is_ok())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.0.stop();
    }
}
