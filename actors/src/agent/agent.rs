//! Agent: where it listens, on how many arbiters it works, and within which limits.

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

/// An agent: where it listens, on how many arbiters it works, and within which limits.
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
/// It runs on any tokio runtime with I/O and time: under `#[tokio::main]`, or in the actix system of
/// `#[actix_rt::main]`. Handlers run on the agent's own threads, the arbiters. These belong to the
/// system that the agent is started in, which handlers find as `System::current()`. If there is none, the
/// agent starts a system of its own, on a thread that also accepts. [`start`](Self::start) takes no
/// signals; [`serve`](Self::serve) takes those of [`Signals`].
///
/// It logs through `tracing`. Unless the process has had a subscriber when the agent starts, its warnings and
/// errors go to stderr, a line each, and so does where it listens, if [`serve`](Self::serve) is called. A
/// subscriber that is set later has the log from then on; `tracing::subscriber::NoSubscriber`, set before the
/// start, silences it.
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
    pub fn listen(self, address: impl ToSocketAddrs + fmt::Display) -> Result<Self, AgentError> {
        self.listen_on(Listen::tcp(address))
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

    /// Listens as it is described: with a PROXY header, for example.
    ///
    /// # Errors
    ///
    /// If it cannot be listened on.
    pub fn listen_on(mut self, listen: Listen) -> Result<Self, AgentError> {
        listen.open(&mut self.listeners)?;
        Ok(self)
    }

    /// On how many arbiters, each with a thread of its own, the agent works: one per core unless
    /// this is called.
    #[must_use]
    pub fn arbiters(mut self, arbiters: NonZero<usize>) -> Self {
        self.arbiters = Some(arbiters);
        self
    }

    /// Sets all limits, a [`deadline`](Self::deadline) that was set before included: call that one after
    /// it. [`start`](Self::start) refuses limits that cannot work.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What an operator calls the limits, where your agent has options or keys of a configuration for
    /// them: lines of the log and errors then say `raise --max-connections`. Unless this is called, they
    /// say `raise Limits::connections` ([`Limit::path`]).
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

    /// Sets [`Limits::deadline`] alone.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// Whether an ACK without actions gets one that does nothing (`unset-var txn.spoa_none`); it does
    /// not unless this is called.
    ///
    /// HAProxy 3.1.0 to 3.1.4 let the stream of an empty ACK wait until `timeout processing`.
    #[must_use]
    pub fn fill_empty_acks(mut self, fill: bool) -> Self {
        self.fill_empty_acks = fill;
        self
    }

    /// Whether an ACK whose connection has gone may leave on another one of the same engine (`async`);
    /// it may not unless this is called.
    ///
    /// HAProxy up to 3.0 offers it, from 3.1 on it does not and nothing changes. Once it is agreed,
    /// HAProxy no longer fails what is in flight when a connection ends: it waits for the ACK, or for
    /// `timeout processing`. So this pays where connections break and the agent stays, and costs where
    /// the agent is killed.
    #[must_use]
    pub fn asynchronous(mut self, asynchronous: bool) -> Self {
        self.asynchronous = asynchronous;
        self
    }

    /// Has NOTIFYs become spans of OpenTelemetry; they do not unless this is called.
    #[must_use]
    pub fn traces(mut self, traces: Traces) -> Self {
        self.traces = Some(traces);
        self
    }

    /// The TCP addresses that are listened on: to know the port when it was given as 0.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.bound.local_address()).collect()
    }

    /// Starts the agent, logs where it listens, and runs it until a signal: [`start`](Self::start), then
    /// [`RunningAgent::serve`]. A signal that comes during the start ends it: what has started stops, and
    /// this is no error. A second one, 1 s or more after it, ends it at once.
    ///
    /// # Errors
    ///
    /// If it cannot start.
    pub async fn serve(self, registry: Registry) -> Result<(), AgentError> {
        let listeners = join(self.listeners.iter().map(|listener| &*listener.name));
        let routes = join(registry.names());
        let announce = |_: &RunningAgent| {
            log::report(|| tracing::info!(routes, "listening on {listeners}"));
        };
        self.serve_with(registry, announce).await.map(drop)
    }

    /// The same, and calls `started` when the agent has started: to tell that it is there. Returns what
    /// the agent has seen and done until its end.
    ///
    /// # Errors
    ///
    /// If it cannot start.
    pub async fn serve_with(
        self,
        registry: Registry,
        started: impl FnOnce(&RunningAgent),
    ) -> Result<Statistics, AgentError> {
        self.serve_until(registry, &mut Signals::listen()?, started).await
    }

    /// The same with signals that the caller goes on to listen to: for what has to end behind the
    /// agent, and also at once if there is a [second signal](Signals::again).
    ///
    /// # Errors
    ///
    /// If it cannot start.
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

    /// Starts the agent: when this returns, every handler has started and connections are accepted. All
    /// handlers start at the same time; if one fails, those that have started stop.
    ///
    /// # Errors
    ///
    /// If two routes have the same name, a limit cannot work, a handler does not start, there is
    /// nothing to listen on, or this thread has no tokio runtime.
    pub async fn start(self, registry: Registry) -> Result<RunningAgent, AgentError> {
        self.start_unless(CancellationToken::new(), registry).await
    }

    /// The same, unless it is given up: then what has started stops, and this is an error.
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

/// Waits until what has started before the signal has stopped, or for another signal.
async fn end_of_start(
    start: impl Future<Output = Result<RunningAgent, AgentError>>,
    signals: &mut Signals,
) -> Statistics {
    let stop = async {
        match start.await {
            // The signal has crossed its end.
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
        // A file is nothing to wait for.
        let file = std::net::TcpListener::from(OwnedFd::from(File::open("Cargo.toml").unwrap()));
        file.set_nonblocking(true).unwrap();
        agent.listeners[0].bound = Bound::Tcp(file);
        let error = agent.start(Registry::new().on("m", route)).await.unwrap_err();
        assert!(matches!(error, AgentError::Bind { .. }), "{error}");
        assert!(has_stopped.load(Relaxed));
    }
}
