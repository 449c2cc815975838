//! Agent: binds, starts an arbiter per core, hands out connections in turn, and ends in good order.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use actix::Addr;
use actix_rt::{Arbiter, System};
use futures_util::future::join_all;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    error::AgentError,
    limits::Limits,
    listener::{Listener, Socket},
    registry::Registry,
    statistics::Statistics,
    supervisor::{Adopt, Report, Stop, Supervisor},
};

/// An agent: where it listens, on how many arbiters it works, and within which limits.
///
/// ```no_run
/// use spoa_actors::{Actions, Agent, AgentError, Registry, Scope, handler_fn};
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), AgentError> {
///     let registry = Registry::new().on("hello", handler_fn(|(): ()| {
///         Actions::none().set_var(Scope::Transaction, "greeting", "hello")
///     }));
///     Agent::bind("127.0.0.1:12345")?.serve(registry).await
/// }
/// ```
#[derive(Default)]
pub struct Agent {
    listeners: Vec<Listener>,
    arbiters: Option<NonZero<usize>>,
    limits: Limits,
}

impl Agent {
    /// An agent that listens nowhere yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An agent that listens on a TCP address.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub fn bind(address: impl ToSocketAddrs + fmt::Display) -> Result<Self, AgentError> {
        Self::new().listen(address)
    }

    /// Listens on a further TCP address.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub fn listen(
        mut self,
        address: impl ToSocketAddrs + fmt::Display,
    ) -> Result<Self, AgentError> {
        let text = address.to_string();
        let listener =
            Listener::tcp(address).map_err(|cause| AgentError::Bind { address: text, cause })?;
        self.listeners.push(listener);
        Ok(self)
    }

    /// Listens on a UNIX socket, whose file gets the permission bits `mode` if they are given.
    ///
    /// A socket file that nobody listens on any more is replaced; the file is removed at the end.
    ///
    /// # Errors
    ///
    /// If the socket cannot be listened on, another process listens on it, or the path is that of
    /// something else than a socket.
    pub fn listen_unix(
        mut self,
        path: impl Into<PathBuf>,
        mode: Option<u32>,
    ) -> Result<Self, AgentError> {
        let path = path.into();
        let listener = Listener::unix(Path::new(&path), mode)
            .map_err(|cause| AgentError::BindUnix { path, cause })?;
        self.listeners.push(listener);
        Ok(self)
    }

    /// On how many arbiters, each with a thread of its own, the agent works: one per core unless
    /// this is called.
    #[must_use]
    pub fn arbiters(mut self, arbiters: NonZero<usize>) -> Self {
        self.arbiters = Some(arbiters);
        self
    }

    /// Sets all limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`Limits::deadline`] alone.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// The TCP addresses that are listened on: to know the port when it was given as 0.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::local_address).collect()
    }

    /// Starts the agent and runs it until a signal: [`start`](Self::start), then
    /// [`RunningAgent::serve`].
    ///
    /// # Errors
    ///
    /// If it cannot start.
    pub async fn serve(self, registry: Registry) -> Result<(), AgentError> {
        self.start(registry).await?.serve().await
    }

    /// Starts the agent: when this returns, every handler has started and connections are accepted.
    ///
    /// # Errors
    ///
    /// If two routes have the same name, a limit cannot work, a handler does not start, there is
    /// nothing to listen on, or this is no actix system.
    pub async fn start(self, registry: Registry) -> Result<RunningAgent, AgentError> {
        System::try_current().ok_or(AgentError::NoSystem)?;
        registry.check()?;
        self.limits.check()?;
        if self.listeners.is_empty() {
            return Err(AgentError::NoListener);
        }
        let addresses = self.local_addresses();
        let cores = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let count = self.arbiters.unwrap_or_else(cores);
        let mut running = RunningAgent { addresses, workers: Vec::new(), listeners: Vec::new() };
        running.start_workers(count, &Arc::new(registry), &self.limits).await?;
        running.accept(self.listeners)?;
        Ok(running)
    }
}

/// An agent that has started. Dropping it ends it at once; [`stop`](Self::stop) ends it in good
/// order.
pub struct RunningAgent {
    addresses: Vec<SocketAddr>,
    workers: Vec<Worker>,
    listeners: Vec<JoinHandle<()>>,
}

/// One arbiter and the supervisor on it.
struct Worker {
    arbiter: Arbiter,
    supervisor: Addr<Supervisor>,
}

impl RunningAgent {
    /// The TCP addresses that are listened on.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// On how many arbiters it works.
    #[must_use]
    pub fn arbiters(&self) -> usize {
        self.workers.len()
    }

    /// What the agent has seen and done so far, on all arbiters together.
    pub async fn statistics(&self) -> Statistics {
        let reports = self.workers.iter().map(|worker| worker.supervisor.send(Report));
        let mut all = Statistics::default();
        for report in join_all(reports).await.into_iter().flatten() {
            all.add(&report);
        }
        all
    }

    /// Runs until SIGTERM or SIGINT, then ends in good order; a second signal ends it at once.
    ///
    /// # Errors
    ///
    /// If the signals cannot be listened to.
    pub async fn serve(self) -> Result<(), AgentError> {
        let listen = |kind| signal(kind).map_err(|cause| AgentError::Signals { cause });
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let signal = signalled().await;
        tracing::info!("{signal}: the agent stops");
        tokio::select! {
            () = self.stop() => tracing::info!("the agent has stopped"),
            signal = signalled() => tracing::warn!("{signal} again: the agent stops at once"),
        }
        Ok(())
    }

    /// Stops accepting, has every connection answer what is in flight and say farewell, stops the
    /// handlers, and ends the arbiters.
    pub async fn stop(mut self) {
        for listener in self.listeners.drain(..) {
            listener.abort();
            // The socket file is removed when the task is gone.
            let _ = listener.await;
        }
        join_all(self.workers.iter().map(|worker| worker.supervisor.send(Stop))).await;
    }

    async fn start_workers(
        &mut self,
        count: NonZero<usize>,
        registry: &Arc<Registry>,
        limits: &Limits,
    ) -> Result<(), AgentError> {
        for _ in 0..count.get() {
            let arbiter = Arbiter::new();
            let (registry, limits) = (Arc::clone(registry), limits.clone());
            let (started, starting) = oneshot::channel();
            arbiter.spawn_fn(move || {
                actix_rt::spawn(async move {
                    // The receiver is gone only if the agent's start was given up.
                    let _ = started.send(Supervisor::start(registry, limits).await);
                });
            });
            let supervisor = match starting.await {
                Ok(Ok(supervisor)) => supervisor,
                failed => {
                    arbiter.stop();
                    return failed.unwrap_or(Err(AgentError::ArbiterGone)).map(|_| ());
                }
            };
            self.workers.push(Worker { arbiter, supervisor });
        }
        Ok(())
    }

    /// Accepts on this thread and hands the connections to the arbiters in turn.
    fn accept(&mut self, listeners: Vec<Listener>) -> Result<(), AgentError> {
        for listener in listeners {
            let address = listener.local_address();
            let active = listener.activate().map_err(|cause| {
                let address = address.map_or_else(|| "a UNIX socket".into(), |a| a.to_string());
                AgentError::Bind { address, cause }
            })?;
            let supervisors: Vec<_> =
                self.workers.iter().map(|worker| worker.supervisor.clone()).collect();
            let mut turn = 0;
            self.listeners.push(actix_rt::spawn(active.run(move |socket: Socket| {
                supervisors[turn].do_send(Adopt(socket));
                turn = (turn + 1) % supervisors.len();
            })));
        }
        Ok(())
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
        for worker in self.workers.drain(..) {
            worker.arbiter.stop();
            // The thread ends with its next poll: no handler may block it for long.
            let _ = worker.arbiter.join();
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("local_addresses", &self.local_addresses())
            .field("arbiters", &self.arbiters)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
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
