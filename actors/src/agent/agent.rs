//! Agent: its listeners, its arbiters and its limits.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    num::NonZero,
    path::PathBuf,
    pin::pin,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{host::Host, running_agent::RunningAgent, signals::Signals};
#[cfg(feature = "tls")]
use crate::listen::secured;
use crate::{
    arbiter::AgentContext,
    error::AgentError,
    limit::{Limit, LimitNames},
    limits::Limits,
    listen::{Listen, Listener},
    log,
    observe::Statistics,
    route::Registry,
    trace::Traces,
};

/// Serves HAProxy: sets where the agent listens, its number of arbiters and its limits.
///
/// ```no_run
/// use spoa_actors::{Actions, Agent, AgentError, Registry, Var};
///
/// const GREETING: Var = Var::transaction("greeting");
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), AgentError> {
///     let registry = Registry::new().on("hello", || {
///         Actions::new().set(GREETING, "hello")
///     });
///     Agent::bind("127.0.0.1:12345")?.serve(registry).await
/// }
/// ```
///
/// It runs on any tokio runtime with I/O and time: under `#[tokio::main]`, or in the actix system
/// of `#[actix_rt::main]`. Handlers run on the agent's own threads, the arbiters. They belong to
/// the actix system in which you start the agent; handlers get it with `System::current()`. Without
/// a system, the agent starts its own, on a thread that also accepts connections.
/// [`start`](Self::start) takes no signals;
/// [`serve`](Self::serve) takes those of [`Signals`].
///
/// It logs through `tracing`. Unless the process has had a subscriber when the agent starts,
/// warnings and errors go to stderr, one per line. With [`serve`](Self::serve), the addresses go
/// there too. A subscriber that you set later gets the log from then on. To silence the agent, set
/// `tracing::subscriber::NoSubscriber` before the start.
#[derive(Default)]
pub struct Agent {
    listeners: Vec<Listener>,
    arbiters: Option<NonZero<usize>>,
    limits: Limits,
    limit_names: LimitNames,
    fill_empty_acks: bool,
    asynchronous: bool,
    traces: Option<Traces>,
}

impl Agent {
    /// An agent without listeners yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An agent that listens on a TCP address.
    ///
    /// # Errors
    ///
    /// If the agent cannot listen on the address.
    pub fn bind(address: impl ToSocketAddrs + fmt::Display) -> Result<Self, AgentError> {
        Self::new().listen(address)
    }

    /// Listens on a further TCP address.
    ///
    /// # Errors
    ///
    /// If the agent cannot listen on the address.
    pub fn listen(self, address: impl ToSocketAddrs + fmt::Display) -> Result<Self, AgentError> {
        self.listen_on(Listen::tcp(address))
    }

    /// Listens on a UNIX socket, and sets the permission bits of its file to `mode`.
    ///
    /// If a dead process has left a socket file there, the agent replaces it. It removes its own
    /// file when it stops.
    ///
    /// # Errors
    ///
    /// If another process listens on the socket, the path is not a socket, or the system refuses
    /// it.
    pub fn listen_unix(
        self,
        path: impl Into<PathBuf>,
        mode: Option<u32>,
    ) -> Result<Self, AgentError> {
        let listen = Listen::unix(path);
        self.listen_on(match mode {
            Some(mode) => listen.mode(mode),
            None => listen,
        })
    }

    /// Listens as described by a [`Listen`], for example with a PROXY header.
    ///
    /// # Errors
    ///
    /// If the agent cannot listen there.
    pub fn listen_on(mut self, listen: Listen) -> Result<Self, AgentError> {
        listen.open(&mut self.listeners)?;
        Ok(self)
    }

    /// Sets the number of arbiters, each with its own thread [default: one per core].
    #[must_use]
    pub fn arbiters(mut self, arbiters: NonZero<usize>) -> Self {
        self.arbiters = Some(arbiters);
        self
    }

    /// Sets all limits, and replaces an earlier [`deadline`](Self::deadline).
    /// [`start`](Self::start) refuses limits that cannot work.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the names of the limits in log lines and errors. Use the names of your options or
    /// configuration keys, so that lines end with `raise --max-connections` [default:
    /// [`Limit::path`], such as `raise Limits::connections`].
    ///
    /// ```
    /// use spoa_actors::{Agent, Limit};
    ///
    /// let agent = Agent::new().limit_names(|limit| match limit {
    ///     Limit::Connections => "--max-connections",
    ///     other => other.path(),
    /// });
    /// ```
    #[must_use]
    pub fn limit_names(mut self, names: fn(Limit) -> &'static str) -> Self {
        self.limit_names = LimitNames(names);
        self
    }

    /// Sets [`Limits::deadline`] only.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// Adds an action without effect (`unset-var txn.spoa_none`) to ACKs without actions [default:
    /// no].
    ///
    /// After an empty ACK, HAProxy 3.1.0 to 3.1.4 delay the stream until `timeout processing`.
    #[must_use]
    pub fn fill_empty_acks(mut self, fill: bool) -> Self {
        self.fill_empty_acks = fill;
        self
    }

    /// Sends an ACK whose connection is lost on another one of the same engine (`async`) [default:
    /// no].
    ///
    /// HAProxy offers this up to 3.0; with newer versions, it has no effect. Once it is agreed,
    /// HAProxy no longer fails its streams when a connection ends: it waits for the ACK, or for
    /// `timeout processing`. Use it where connections break and the agent stays; it costs time
    /// where agents are killed.
    #[must_use]
    pub fn asynchronous(mut self, asynchronous: bool) -> Self {
        self.asynchronous = asynchronous;
        self
    }

    /// Turns NOTIFYs into OpenTelemetry spans [default: no].
    #[must_use]
    pub fn traces(mut self, traces: Traces) -> Self {
        self.traces = Some(traces);
        self
    }

    /// The TCP addresses on which the agent listens, with the actual port if you gave port 0.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.bound.local_address()).collect()
    }

    /// Starts the agent, logs where it listens, and runs it until a signal, as
    /// [`RunningAgent::serve`] does. If a signal arrives during the start, the handlers that have
    /// started stop, and `serve` returns `Ok`. A second signal, 1 s or more later, ends the agent
    /// at once.
    ///
    /// # Errors
    ///
    /// If the agent cannot start.
    pub async fn serve(self, registry: Registry) -> Result<(), AgentError> {
        let listeners = join(self.listeners.iter().map(|listener| &*listener.name));
        let routes = join(registry.names());
        let announce = |_: &RunningAgent| {
            log::report(|| tracing::info!(routes, "listening on {listeners}"));
        };
        self.serve_with(registry, announce).await.map(drop)
    }

    /// Does the same as [`serve`](Self::serve), and calls `started` when the agent has started.
    /// Returns the final statistics.
    ///
    /// # Errors
    ///
    /// If the agent cannot start.
    pub async fn serve_with(
        self,
        registry: Registry,
        started: impl FnOnce(&RunningAgent),
    ) -> Result<Statistics, AgentError> {
        self.serve_until(registry, &mut Signals::listen()?, started).await
    }

    /// Does the same as [`serve_with`](Self::serve_with), with signals that you keep: for work that
    /// has to end after the agent, and also at once after a [second signal](Signals::again).
    ///
    /// # Errors
    ///
    /// If the agent cannot start.
    pub async fn serve_until(
        self,
        registry: Registry,
        signals: &mut Signals,
        started: impl FnOnce(&RunningAgent),
    ) -> Result<Statistics, AgentError> {
        let given_up = CancellationToken::new();
        let mut start = pin!(self.start_unless(given_up.clone(), registry));
        let running = tokio::select! {
            biased;
            running = &mut start => running?,
            signal = signals.stop() => {
                tracing::info!("agent stopping: received {signal} during the start");
                given_up.cancel();
                return Ok(end_of_start(start, signals).await);
            }
        };
        started(&running);
        Ok(running.serve_until(signals).await)
    }

    /// Starts the agent. When this returns, every handler has started, and the agent accepts
    /// connections. All handlers start at the same time; if one fails, those that have started
    /// stop.
    ///
    /// # Errors
    ///
    /// If two routes have the same name, a limit cannot work, a handler does not start, the agent
    /// has no listener, or this thread has no tokio runtime.
    pub async fn start(self, registry: Registry) -> Result<RunningAgent, AgentError> {
        self.start_unless(CancellationToken::new(), registry).await
    }

    /// Starts the agent unless `given_up`: then the handlers that have started stop, and this is an
    /// error.
    async fn start_unless(
        self,
        start_given_up: CancellationToken,
        registry: Registry,
    ) -> Result<RunningAgent, AgentError> {
        log::fall_back_to_stderr();
        registry.check()?;
        let addresses = self.local_addresses();
        let Self { fill_empty_acks, asynchronous, limit_names, .. } = self;
        let common = AgentContext::new(self.limits).traced(self.traces);
        let cores = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let arbiters = self.arbiters.unwrap_or_else(cores);
        let common = AgentContext {
            limit_names,
            fill_empty_acks,
            asynchronous,
            arbiters,
            start_given_up,
            ..common
        };
        common.check()?;
        if self.listeners.is_empty() {
            return Err(AgentError::NoListener);
        }
        #[cfg(feature = "tls")]
        if self.listeners.iter().any(|listener| listener.setup.certificates.is_some()) {
            secured::check_memory(&common);
        }
        let names = self.listeners.iter().map(|listener| Arc::clone(&listener.name)).collect();
        let mut running = RunningAgent::new(Host::find().await?, addresses, names, common);
        running.start_workers(arbiters, &Arc::new(registry)).await?;
        if let Err(error) = running.accept(self.listeners).await {
            running.stop().await;
            return Err(error);
        }
        Ok(running)
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Waits until the started handlers have stopped, or for another signal.
async fn end_of_start(
    start: impl Future<Output = Result<RunningAgent, AgentError>>,
    signals: &mut Signals,
) -> Statistics {
    let stop = async {
        match start.await {
            // The signal came when the start had succeeded.
            Ok(running) => running.stop().await,
            Err(_) => Statistics::default(),
        }
    };
    tokio::select! {
        seen = stop => seen,
        () = signals.again() => Statistics::default(),
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

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::fd::OwnedFd,
        sync::atomic::{AtomicBool, Ordering::Relaxed},
    };

    use async_trait::async_trait;

    use super::*;
    use crate::{Actions, BoxError, HandlerActor, Origin, Route, listen::Bound};

    struct Stops(Arc<AtomicBool>);

    #[async_trait(?Send)]
    impl HandlerActor for Stops {
        type Args = ();

        async fn handle(&self, (): (), _: &Origin) -> Result<Actions, BoxError> {
            Ok(Actions::new())
        }

        async fn stopping(&self) {
            self.0.store(true, Relaxed);
        }
    }

    #[actix_rt::test]
    async fn handlers_stop_in_good_order_if_a_listener_cannot_be_served() {
        let has_stopped = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&has_stopped);
        let route = Route::new(move || Stops(Arc::clone(&handler)));
        let mut agent = Agent::bind("127.0.0.1:0").unwrap();
        // A file cannot be polled.
        let file = std::net::TcpListener::from(OwnedFd::from(File::open("Cargo.toml").unwrap()));
        file.set_nonblocking(true).unwrap();
        agent.listeners[0].bound = Bound::Tcp(file);
        let error = agent.start(Registry::new().on("m", route)).await.unwrap_err();
        assert!(matches!(error, AgentError::Bind { .. }), "{error}");
        assert!(has_stopped.load(Relaxed));
    }
}
