//! Reloader: replaces the routes, limits or traces of a running agent, on all arbiters or on none.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use actix::Addr;
use futures_util::future::try_join_all;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::supervisor::{Blueprint, Prepare, Prepared, Supervisor};
use crate::{
    arbiter::AgentContext, error::ReloadError, limits::Limits, log, observe::ReloadOutcome,
    route::Registry, trace::Traces,
};

/// How long an arbiter can take to receive a message: longer only if a handler blocks its thread.
const PATIENCE: Duration = Duration::from_secs(5);

/// The routes, limits and traces that a running agent is to use: the argument of
/// [`RunningAgent::reload`](crate::RunningAgent::reload).
///
/// A [`Registry`] alone converts into a reload that changes the routes only.
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Limits, Registry, Reload};
///
/// let limits = Limits::default().deadline(Duration::from_millis(200));
/// let reload = Reload::new(Registry::new()).limits(limits);
/// ```
#[derive(Debug)]
pub struct Reload {
    registry: Registry,
    limits: Option<Limits>,
    /// `None` keeps the traces as they are.
    traces: Option<Option<Traces>>,
}

impl Reload {
    /// Changes the routes. Limits and traces stay as they are.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { registry, limits: None, traces: None }
    }

    /// Changes the limits. [`Limits`] lists those that need a restart.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Turns [`Traces`] on, off or into others, also for open connections.
    #[must_use]
    pub fn traces(mut self, traces: impl Into<Option<Traces>>) -> Self {
        self.traces = Some(traces.into());
        self
    }
}

impl From<Registry> for Reload {
    fn from(registry: Registry) -> Self {
        Self::new(registry)
    }
}

/// A handle that replaces the handlers, limits or traces of an agent while it serves. Clone it and
/// use it on any thread with a tokio runtime: in a signal handler, for example.
///
/// A reload takes effect on all arbiters or on none:
///
/// 1. The library checks the names and the limits.
/// 2. Every arbiter starts the new handlers beside the old ones, within
///    [`start_timeout`](Limits::start_timeout). A handler continues with its state if the new
///    registry has a clone of its [`Route`](crate::Route) under the same name. The clone can have
///    another deadline, fallback, concurrency and restart limit.
/// 3. When all handlers have started, every arbiter switches to the new routes. If one handler
///    fails, the other new handlers stop, and the agent continues as before.
/// 4. Each old handler stops when its last call is answered. Calls in flight keep their deadline
///    and fallback. All messages of one NOTIFY are answered by the same routes. Connections and
///    listeners stay open.
///
/// Only one reload runs at a time; others wait in order. A reload always ends: a handler that does
/// not start, or that blocks the thread of its arbiter, is an error. A reload is cancelled if the
/// agent stops or if you drop the future before all handlers have started.
///
/// ```
/// # use spoa_actors::*;
/// # #[actix_rt::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hello = |text: &'static str| Route::new(move |(): ()| {
///     Actions::new().set_var(Scope::Transaction, "greeting", text)
/// });
/// let registry = Registry::new().on("hello", hello("hello")).on("other", hello("other"));
/// let running = Agent::bind("127.0.0.1:0")?.start(registry.clone()).await?;
///
/// // Replaces the handler of "hello"; the handler of "other" continues.
/// let generation = running.reload(registry.replace("hello", hello("good morning"))).await?;
/// assert_eq!(generation, 2);
/// # running.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Reloader {
    arbiters: Arc<[Addr<Supervisor>]>,
    common: AgentContext,
}

impl Reloader {
    pub(crate) fn new(arbiters: Arc<[Addr<Supervisor>]>, common: AgentContext) -> Self {
        Self { arbiters, common }
    }

    /// Reloads the agent, and returns the number of the new generation. The agent starts with
    /// generation 1.
    ///
    /// # Errors
    ///
    /// The agent continues as before if two routes have the same name, a limit is invalid or needs a
    /// restart, a handler does not start, an arbiter does not respond in time, or the agent stops.
    pub async fn reload(&self, reload: impl Into<Reload>) -> Result<u64, ReloadError> {
        let reload = reload.into();
        // The semaphore is fair and never closed.
        let _turn = self.common.reload_turn.acquire().await;
        let mut attempt = Attempt::begin(&self.common);
        let (at_work, mut all_at_work) = mpsc::channel(1);
        let stopping = self.common.stopping.clone();
        let prepared = tokio::select! {
            biased;
            () = stopping.cancelled() => Err(ReloadError::Stopping),
            prepared = self.prepare(reload, attempt.number, at_work) => prepared,
        };
        let (limits, error) = match prepared {
            Ok((all, limits)) => {
                // Without an await in between, so that all arbiters switch or none does.
                all.into_iter().for_each(Prepared::commit);
                self.common.current_limits.set(limits);
                attempt.end(ReloadOutcome::Ok);
                (limits, None)
            }
            // The arbiters that were ready drop what they have prepared.
            Err(error) => (self.common.current_limits.get(), Some(error)),
        };
        // Handlers may take time to stop. A blocked arbiter has had its time.
        let patience = match error {
            Some(ReloadError::Unresponsive) => Duration::ZERO,
            Some(_) => limits.shutdown_timeout + PATIENCE,
            None => PATIENCE,
        };
        let are_all_at_work = timeout(patience, all_at_work.recv()).await.is_ok();
        attempt.report(error.as_ref(), are_all_at_work);
        error.map_or(Ok(attempt.number), Err)
    }

    /// Prepares the next generation on every arbiter. If one fails, the others drop theirs.
    async fn prepare(
        &self,
        Reload { registry, limits, traces }: Reload,
        number: u64,
        at_work: mpsc::Sender<Infallible>,
    ) -> Result<(Vec<Prepared>, Limits), ReloadError> {
        registry.check()?;
        let limits = limits.unwrap_or_else(|| self.common.current_limits.get());
        limits.check(self.common.limit_names)?;
        if let Some(limit) = self.common.start_limits.needs_restart(&limits) {
            return Err(ReloadError::NeedsRestart { limit: self.common.name(limit) });
        }
        if let Some(Some(traces)) = &traces {
            traces.check()?;
        }
        let traces = traces.map(|traces| traces.map(Arc::new));
        let blueprint = Arc::new(Blueprint { number, registry, limits, traces });
        let all = self.arbiters.iter().map(async |arbiter| {
            let (prepared, is_prepared) = oneshot::channel();
            let (blueprint, at_work) = (Arc::clone(&blueprint), at_work.clone());
            let prepare = Prepare { blueprint, prepared, at_work };
            let unresponsive = |_| ReloadError::Unresponsive;
            let taken = timeout(PATIENCE, arbiter.send(prepare)).await.map_err(unresponsive)?;
            taken.map_err(|_| ReloadError::ArbiterGone)?;
            // An arbiter that has failed stops its new handlers before it replies.
            let limit = limits.start_timeout + limits.shutdown_timeout + PATIENCE;
            let told = timeout(limit, is_prepared).await.map_err(unresponsive)?;
            Ok::<_, ReloadError>(told.map_err(|_| ReloadError::ArbiterGone)??)
        });
        Ok((try_join_all(all).await?, limits))
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("arbiters", &self.arbiters.len()).finish_non_exhaustive()
    }
}

/// A reload in progress. It counts as given up if it is dropped before its end.
struct Attempt<'a> {
    common: &'a AgentContext,
    number: u64,
    begun: Instant,
    is_over: bool,
}

impl<'a> Attempt<'a> {
    fn begin(common: &'a AgentContext) -> Self {
        let number = common.reloads.generation() + 1;
        tracing::info!(generation = number, "reload started");
        Self { common, number, begun: Instant::now(), is_over: false }
    }

    fn end(&mut self, outcome: ReloadOutcome) {
        self.common.reloads.ended(outcome, self.number);
        self.is_over = true;
    }

    /// Logs how the reload ended, and counts a failure.
    fn report(&mut self, error: Option<&ReloadError>, are_all_at_work: bool) {
        let duration = self.begun.elapsed();
        let generation = self.common.reloads.generation();
        let Some(error) = error else {
            tracing::info!(generation, ?duration, "reload complete");
            if !are_all_at_work {
                log::warn!(
                    generation,
                    "worker thread late: a handler blocks it, and it uses the old handlers until then; \
                     put the handler on threads with `on_blocking`"
                );
            }
            return;
        };
        self.end(error.outcome());
        log::warn!(
            generation,
            outcome = error.outcome().label(),
            ?duration,
            "reload failed: {error}; the agent continues as before"
        );
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.report(Some(&ReloadError::Abandoned), true);
        }
    }
}
