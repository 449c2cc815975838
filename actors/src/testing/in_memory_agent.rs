//! In-memory agent: an agent without a socket.

use std::sync::Arc;

use actix::Addr;
use tokio::{
    io::{DuplexStream, duplex},
    time::Instant,
};

use super::{ByteStream, ClientError, FakeHaproxy, hello};
use crate::{
    agent::{Adopt, Observer, Reload, Reloader, Stop, Supervisor, give_notice},
    arbiter::AgentContext,
    connection::DrainClock,
    error::{AgentError, ReloadError},
    limits::Limits,
    listen::{Listen, Preamble, Socket},
    observe::Statistics,
    route::Registry,
    trace::Traces,
};

/// How many unread bytes an in-memory connection holds in each direction.
const IN_MEMORY_BUFFER: usize = 64 * 1024;

/// An agent without a socket, on the arbiter of the test. Use it in tests of several connections,
/// of limits, or of a stop. If you pause tokio's time, deadlines cost no time.
///
/// ```
/// use spoa_actors::{Limits, Registry, testing::{ClientError, InMemoryAgent}};
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), ClientError> {
///     let agent = InMemoryAgent::start(Registry::new(), Limits::default()).await?;
///     let (one, other) = (agent.connect().await?, agent.connect().await?);
///     assert_eq!(agent.statistics().await.connections_open, 2);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct InMemoryAgent {
    supervisor: Addr<Supervisor>,
    observer: Observer,
    common: AgentContext,
}

impl InMemoryAgent {
    /// Starts the handlers on this arbiter.
    ///
    /// # Errors
    ///
    /// If two routes have the same name, a limit cannot work, or a handler does not start.
    pub async fn start(registry: Registry, limits: Limits) -> Result<Self, AgentError> {
        Self::start_by(registry, AgentContext::new(limits)).await
    }

    /// Starts the handlers on this arbiter, with
    /// [`Agent::asynchronous`](crate::Agent::asynchronous).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub async fn start_asynchronous(
        registry: Registry,
        limits: Limits,
    ) -> Result<Self, AgentError> {
        Self::start_by(registry, AgentContext { asynchronous: true, ..AgentContext::new(limits) })
            .await
    }

    /// Starts the handlers on this arbiter, with [`Agent::traces`](crate::Agent::traces).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub async fn start_traced(
        registry: Registry,
        limits: Limits,
        traces: Traces,
    ) -> Result<Self, AgentError> {
        Self::start_by(registry, AgentContext::new(limits).traced(Some(traces))).await
    }

    async fn start_by(registry: Registry, common: AgentContext) -> Result<Self, AgentError> {
        registry.check()?;
        common.check()?;
        let supervisor = Supervisor::start(Arc::new(registry), common.clone()).await?;
        let arbiters = Arc::new([supervisor.clone()]);
        let listeners = Arc::default();
        let observer = Observer::new(arbiters, listeners, common.clone(), Instant::now());
        Ok(Self { supervisor, observer, common })
    }

    /// Opens a connection, without HELLO.
    #[must_use]
    pub fn open(&self) -> FakeHaproxy {
        FakeHaproxy::new(self.open_stream())
    }

    /// Opens a connection, and returns its raw stream.
    #[must_use]
    pub fn open_stream(&self) -> DuplexStream {
        let (ours, theirs) = duplex(IN_MEMORY_BUFFER);
        self.adopt(theirs);
        ours
    }

    /// Gives the agent a stream, as if a listener had accepted it.
    pub fn adopt(&self, stream: impl ByteStream) {
        self.adopt_by(Preamble::default(), stream);
    }

    /// Gives the agent a stream, as if this listener had accepted it. The stream begins with the
    /// PROXY header or TLS handshake that the listener requires.
    ///
    /// # Errors
    ///
    /// If the listener's files cannot be used.
    pub fn adopt_on(&self, listen: &Listen, stream: impl ByteStream) -> Result<(), AgentError> {
        self.adopt_by(listen.setup()?.preamble(), stream);
        Ok(())
    }

    fn adopt_by(&self, preamble: Preamble, stream: impl ByteStream) {
        // Without a permit, the stream is dropped here: an agent with sockets leaves it in the
        // backlog.
        let Some(place) = self.common.places.try_take() else { return };
        let (socket, listener) = (Socket::InMemory(Box::new(stream)), "memory".into());
        self.supervisor.do_send(Adopt { socket, listener, preamble, place, queued: None });
    }

    /// Opens a connection and exchanges HELLO.
    ///
    /// # Errors
    ///
    /// If the agent refuses the HELLO.
    pub async fn connect(&self) -> Result<FakeHaproxy, ClientError> {
        let mut haproxy = self.open();
        haproxy.hello(hello()).await?;
        Ok(haproxy)
    }

    /// The statistics so far.
    pub async fn statistics(&self) -> Statistics {
        self.observer.statistics().await
    }

    /// Observes the agent: statistics, status and readiness.
    #[must_use]
    pub fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// Reloads the agent; see [`Reloader::reload`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn reload(&self, reload: impl Into<Reload>) -> Result<u64, ReloadError> {
        self.reloader().reload(reload).await
    }

    /// Reloads the agent from another task.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader::new(Arc::new([self.supervisor.clone()]), self.common.clone())
    }

    /// Stops the agent as [`RunningAgent::stop`](crate::RunningAgent::stop) does, and returns the
    /// final statistics.
    pub async fn stop(&self) -> Statistics {
        give_notice([&self.supervisor].into_iter(), &self.common).await;
        self.supervisor.send(Stop(DrainClock::begin())).await.unwrap_or_default()
    }
}

impl FakeHaproxy {
    /// Starts an agent in memory, connects to it and exchanges HELLO.
    ///
    /// # Errors
    ///
    /// If the agent cannot start.
    pub async fn start(registry: Registry) -> Result<Self, ClientError> {
        InMemoryAgent::start(registry, Limits::default()).await?.connect().await
    }
}
