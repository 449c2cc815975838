//! `RunningAgent`: accepts, hands out connections in turn, and ends in good order.

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

/// How long an agent that stops at once waits to know what it has seen and done.
const AT_ONCE: Duration = Duration::from_millis(100);

/// An agent that has started. [`stop`](Self::stop) ends it in good order.
///
/// Dropping it ends it at once, and waits for nothing: it stops listening, its connections close without
/// a DISCONNECT, and its handlers are dropped without a call of `stopping`. HAProxy fails the requests
/// that wait for an answer. A blocking handler ends its current call first.
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
    /// Behind what it hosts, so that it ends last.
    host: Host,
    counters: Arc<ListenerCounters>,
    since: Instant,
}

/// A listener at work.
struct Accepting {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    /// Whether the next agent goes on with its socket.
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

    /// The TCP addresses that are listened on.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens, all of it: `127.0.0.1:12345`, `unix:/run/spoa.sock`.
    pub fn listeners(&self) -> impl Iterator<Item = &str> {
        self.counters.names()
    }

    /// On how many arbiters it works.
    #[must_use]
    pub fn arbiters(&self) -> usize {
        self.workers.len()
    }

    /// What the agent has seen and done so far, on all arbiters together.
    pub async fn statistics(&self) -> Statistics {
        self.observer().statistics().await
    }

    /// Looks at the agent from any thread, while it serves and while it stops.
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
    /// As [`Reloader::reload`].
    pub async fn reload(&self, reload: impl Into<Reload>) -> Result<u64, ReloadError> {
        self.reloader().reload(reload).await
    }

    fn supervisors(&self) -> Arc<[Addr<Supervisor>]> {
        self.workers.iter().map(|worker| worker.supervisor.clone()).collect()
    }

    /// Runs until SIGTERM or SIGINT, then ends in good order; a second one, 1 s or more after the
    /// first, ends it at once. [`Signals`] has what the others do.
    ///
    /// # Errors
    ///
    /// If the signals cannot be listened to.
    pub async fn serve(self) -> Result<(), AgentError> {
        self.serve_until(&mut Signals::listen()?).await;
        Ok(())
    }

    /// Runs until a signal, then ends in good order; a second one ends it at once. Returns what it has
    /// seen and done.
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

    /// Ends the agent in good order; returns what it has seen and done.
    ///
    /// 1. Health checks are refused, and all else goes on as before for
    ///    [`notice_period`](crate::Limits::notice_period), if there were any health checks lately. Not so
    ///    if all sockets were [handed over](crate::Listen::handed_over_tcp): for HAProxy nothing stops.
    /// 2. The listeners close, with an empty backlog, unless they were handed over.
    /// 3. Every connection answers what HAProxy still sends, and sends DISCONNECT.
    /// 4. The handlers stop. What does not end within [`shutdown_timeout`](crate::Limits::shutdown_timeout)
    ///    is cut off.
    ///
    /// Where HAProxy has another server for its messages, no request is lost but one that crosses
    /// the DISCONNECT: for that there is no frame in SPOP.
    pub async fn stop(mut self) -> Statistics {
        if self.is_succeeded() {
            self.common.drain();
        } else {
            give_notice(self.workers.iter().map(|worker| &worker.supervisor), &self.common).await;
        }
        tracing::info!("accepting stopped: open connections drain");
        // They hand over what is in their backlogs, and close.
        let closing = self.listeners.drain(..).map(|listener| {
            let _ = listener.stop.send(());
            listener.task
        });
        join_all(closing.collect::<Vec<_>>()).await;
        // A supervisor keeps its own times; if it cannot, a handler blocks its thread.
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

    /// Whether another agent goes on where this one listens, on every socket: HAProxy must not take it for
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

    /// Accepts, and hands the connections to the arbiters in turn.
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

/// Has health checks refused, and lets HAProxy see it if it asks at all.
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
