//! `RunningAgent`: accepts connections, passes them to the arbiters in turn, and stops gracefully.

use std::{fmt, net::SocketAddr, num::NonZero, pin::pin, rc::Rc, sync::Arc};

use actix::Addr;
use futures_util::future::join_all;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Duration, Instant, sleep, timeout},
};

use super::{
    host::Host,
    observer::Observer,
    reception::Reception,
    reloader::{Reload, Reloader},
    signals::Signals,
    supervisor::{Elsewhere, GoDown, Stop, Supervisor},
    workers::{self, PATIENCE, Worker},
};
use crate::{
    arbiter::AgentContext,
    connection::DrainClock,
    error::{AgentError, ReloadError},
    listen::{Listener, Socket},
    log,
    observe::{ListenerCounters, Statistics},
    route::Registry,
};

/// How long an agent that stops at once waits for its final statistics.
const AT_ONCE: Duration = Duration::from_millis(100);

/// An agent that has started. [`stop`](Self::stop) stops it gracefully.
///
/// If you drop it, it ends at once: it stops listening, its connections close without DISCONNECT,
/// and its handlers are dropped without a call of `stopping`. HAProxy fails the requests that wait
/// for an answer. A blocking handler ends its current call first.
///
/// ```
/// # use spoa_actors::*;
/// # #[actix_rt::main]
/// # async fn main() -> Result<(), AgentError> {
/// # let registry = Registry::new();
/// let running = Agent::bind("127.0.0.1:0")?.start(registry).await?;
/// println!("listens on {:?}", running.local_addresses());
/// let statistics = running.stop().await;
/// assert_eq!(statistics.notifies, 0);
/// # Ok(())
/// # }
/// ```
pub struct RunningAgent {
    addresses: Vec<SocketAddr>,
    common: AgentContext,
    workers: Vec<Worker>,
    listeners: Vec<Accepting>,
    /// The last field, so that it is dropped last.
    host: Host,
    counters: Arc<ListenerCounters>,
    since: Instant,
}

/// An active listener.
struct Accepting {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    /// Whether the next agent serves its socket.
    is_handed_over: bool,
}

impl RunningAgent {
    pub(super) fn new(
        host: Host,
        addresses: Vec<SocketAddr>,
        listeners: Vec<Arc<str>>,
        common: AgentContext,
    ) -> Self {
        Self {
            addresses,
            common,
            workers: Vec::new(),
            listeners: Vec::new(),
            host,
            counters: Arc::new(ListenerCounters::new(listeners)),
            since: Instant::now(),
        }
    }

    /// The TCP addresses on which the agent listens.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// All listeners: `127.0.0.1:12345`, `unix:/run/spoa.sock`.
    pub fn listeners(&self) -> impl Iterator<Item = &str> {
        self.counters.names()
    }

    /// The number of arbiters.
    #[must_use]
    pub fn arbiters(&self) -> usize {
        self.workers.len()
    }

    /// The statistics so far, of all arbiters together.
    pub async fn statistics(&self) -> Statistics {
        self.observer().statistics().await
    }

    /// Observes the agent from any thread, while it serves and while it stops.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(
            self.supervisors(),
            Arc::clone(&self.counters),
            self.common.clone(),
            self.since,
        )
    }

    /// A handle that reloads the agent from any thread while it serves.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.supervisors(), self.common.clone())
    }

    /// Replaces the routes, limits or traces while the agent serves, and returns the number of the
    /// new generation. [`Reloader`] has the details.
    ///
    /// # Errors
    ///
    /// Those of [`Reloader::reload`].
    pub async fn reload(&self, reload: impl Into<Reload>) -> Result<u64, ReloadError> {
        self.reloader().reload(reload).await
    }

    fn supervisors(&self) -> Arc<[Addr<Supervisor>]> {
        self.workers.iter().map(|worker| worker.supervisor.clone()).collect()
    }

    /// Runs until SIGTERM or SIGINT, then stops gracefully. A second signal, 1 s or more after the
    /// first, ends the agent at once. For other signals, see [`Signals`].
    ///
    /// # Errors
    ///
    /// If the agent cannot listen to the signals.
    pub async fn serve(self) -> Result<(), AgentError> {
        self.serve_until(&mut Signals::listen()?).await;
        Ok(())
    }

    /// Runs until a signal, then stops gracefully; a second one ends it at once. Returns the final
    /// statistics.
    pub(super) async fn serve_until(self, signals: &mut Signals) -> Statistics {
        let signal = signals.stop().await;
        tracing::info!("agent stopping: received {signal}");
        let observer = self.observer();
        let mut stop = pin!(self.stop());
        tokio::select! {
            seen = &mut stop => {
                tracing::info!(
                    notifies = seen.notifies,
                    acks = seen.acks,
                    cancelled = seen.notifies_cancelled,
                    "agent stopped"
                );
                seen
            }
            () = signals.again() => {
                // A handler may block its thread.
                timeout(AT_ONCE, observer.statistics()).await.unwrap_or_default()
            }
        }
    }

    /// Stops the agent gracefully, and returns the final statistics.
    ///
    /// 1. The agent refuses health checks, and serves everything else for
    ///    [`notice_period`](crate::Limits::notice_period). It skips this step without recent health
    ///    checks, and if all sockets were [handed over](crate::Listen::handed_over_tcp): HAProxy
    ///    then notices no stop.
    /// 2. The listeners accept the connections in their backlogs and close, unless they were handed
    ///    over.
    /// 3. Every connection answers the requests that HAProxy still sends, and sends DISCONNECT.
    /// 4. The handlers stop. Connections and handlers that do not end within
    ///    [`shutdown_timeout`](crate::Limits::shutdown_timeout) are cut off.
    ///
    /// If HAProxy has another server for its messages, no request is lost except one that crosses
    /// the DISCONNECT: SPOP has no frame to prevent that.
    pub async fn stop(mut self) -> Statistics {
        if self.is_succeeded() {
            self.common.drain();
        } else {
            give_notice(self.workers.iter().map(|worker| &worker.supervisor), &self.common).await;
        }
        tracing::info!("accepting stopped: open connections drain");
        // They pass on the connections in their backlogs, and close.
        let closing = self.listeners.drain(..).map(|listener| {
            let _ = listener.stop.send(());
            listener.task
        });
        join_all(closing.collect::<Vec<_>>()).await;
        // A supervisor has its own timeouts; if it does not answer in time, a handler blocks its
        // thread.
        let patience = 2 * self.common.current_limits.get().shutdown_timeout + PATIENCE;
        let clock = DrainClock::begin();
        let stop = |worker: &Worker| worker.supervisor.send(Stop(Arc::clone(&clock)));
        let stops = self.workers.iter().map(|worker| timeout(patience, stop(worker)));
        let mut all = self.counters.snapshot();
        all.reloads = self.common.reloads.snapshot();
        for stopped in join_all(stops).await {
            match stopped {
                Ok(Ok(statistics)) => all.add(&statistics),
                Ok(Err(_)) => log::warn!(
                    "worker thread lost: it ended before the agent stopped; report this bug with the \
                 lines before"
                ),
                Err(_) => {
                    log::warn!(
                        "worker thread abandoned: a handler blocks it; put the handler on threads \
                     with `on_blocking`"
                    );
                }
            }
        }
        all
    }

    /// Whether another agent continues on every socket of this one: HAProxy must not mark it as
    /// down meanwhile.
    fn is_succeeded(&self) -> bool {
        !self.listeners.is_empty() && self.listeners.iter().all(|listener| listener.is_handed_over)
    }

    pub(super) async fn start_workers(
        &mut self,
        count: NonZero<usize>,
        registry: &Arc<Registry>,
    ) -> Result<(), AgentError> {
        self.workers = workers::start(&self.host, count, registry, &self.common).await?;
        if self.common.asynchronous {
            self.introduce();
        }
        Ok(())
    }

    /// Makes the arbiters known to each other.
    fn introduce(&self) {
        for worker in &self.workers {
            let others = self.workers.iter().map(|worker| &worker.supervisor);
            let others = others.filter(|other| **other != worker.supervisor);
            let others = others.map(|other| other.clone().recipient()).collect();
            worker.supervisor.do_send(Elsewhere(others));
        }
    }

    /// Accepts, and passes the connections to the arbiters in turn.
    pub(super) async fn accept(&mut self, listeners: Vec<Listener>) -> Result<(), AgentError> {
        let supervisors: Vec<_> =
            self.workers.iter().map(|worker| worker.supervisor.clone()).collect();
        let (common, counters) = (self.common.clone(), Arc::clone(&self.counters));
        let accept = move || {
            let reception = Reception::new(supervisors.into_iter(), common, Arc::clone(&counters));
            accept(listeners, &Rc::new(reception), &counters)
        };
        self.listeners = self.host.run(accept).await??;
        Ok(())
    }
}

/// Accepts on this thread.
fn accept(
    listeners: Vec<Listener>,
    reception: &Rc<Reception>,
    counters: &Arc<ListenerCounters>,
) -> Result<Vec<Accepting>, AgentError> {
    let activate = |Listener { name, bound, setup, is_handed_over }| match bound.activate() {
        Ok(active) => Ok((name, active, setup, is_handed_over)),
        Err(cause) => Err(AgentError::Bind { address: name.to_string(), cause }),
    };
    // All of them, before the first one serves.
    let active: Vec<_> = listeners.into_iter().map(activate).collect::<Result<_, _>>()?;
    let mut accepting = Vec::with_capacity(active.len());
    for (name, active, mut setup, is_handed_over) in active {
        setup.open(&name, counters);
        let reception = Rc::clone(reception);
        let take = async move |socket: Socket| {
            reception.receive(socket, Arc::clone(&name), setup.preamble()).await;
        };
        let (stop, stopped) = oneshot::channel();
        let counters = Arc::clone(counters);
        let task = actix_rt::spawn(active.run(take, stopped, is_handed_over, counters));
        accepting.push(Accepting { task, stop, is_handed_over });
    }
    Ok(accepting)
}

/// Refuses health checks, and waits until HAProxy has seen it, if it checks at all.
pub(crate) async fn give_notice(
    supervisors: impl Iterator<Item = &Addr<Supervisor>>,
    common: &AgentContext,
) {
    common.drain();
    let told = supervisors.map(|supervisor| timeout(PATIENCE, supervisor.send(GoDown)));
    let is_asked = join_all(told).await.into_iter().flatten().flatten().any(|is_asked| is_asked);
    if is_asked {
        let notice_period = common.current_limits.get().notice_period;
        tracing::info!(
            "notice period started: refusing health checks for {notice_period:?}, so that HAProxy \
             sends its messages elsewhere"
        );
        sleep(notice_period).await;
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.task.abort();
        }
    }
}

impl fmt::Debug for RunningAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningAgent")
            .field("local_addresses", &self.addresses)
            .field("arbiters", &self.workers.len())
            .finish_non_exhaustive()
    }
}
