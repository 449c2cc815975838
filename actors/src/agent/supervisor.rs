//! Supervisor: one per arbiter; owns its routes and connections.

mod inspection;
mod next_generation;

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
    task::{self, Poll},
};

use actix::{
    Actor, Addr, AsyncContext, Context, Handler, MessageResult, Recipient, ResponseFuture,
    Supervised, dev::ContextFut,
};
use futures_util::{FutureExt, future::OptionFuture};
use tokio::{
    net::{TcpStream, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    arbiter::{
        AgentContext, ArbiterContext, ConnectionGuard, ConnectionPermit, ExcessConnection,
        RoutedAck,
    },
    connection::{Connection, Control, DrainClock, HELLO_AT_STOP, Transport},
    error::AgentError,
    limit::Limit,
    listen::{IncomingConnection, Preamble, Socket},
    log,
    observe::{Counters, QueuedConnection, Statistics},
    origin::PeerAddress,
    route::{Registry, Routes},
    supervision::{Panic, panics},
};

pub(crate) use self::inspection::{ArbiterStatus, ReadinessRequest, StatusRequest};
use self::inspection::{Arriving, Link};
use self::next_generation::Successions;
pub(crate) use self::next_generation::{Blueprint, Prepare, Prepared};

/// The root actor of one arbiter.
pub(crate) struct Supervisor {
    shared: Rc<ArbiterContext>,
    /// Oldest first.
    connections: BTreeMap<u64, Link>,
    next_key: u64,
    /// Ends the preambles a moment after the agent stops.
    stopping: CancellationToken,
    /// Set when the agent stops.
    drain: Option<Arc<DrainClock>>,
    /// The last generation that was to take the place of the one at work.
    successor: Option<JoinHandle<()>>,
    /// What ends as it was replaced.
    successions: Successions,
    /// Completed when the last connection has ended, once the agent stops.
    stopped: Option<oneshot::Sender<()>>,
}

/// Takes an accepted connection.
pub(crate) struct Adopt {
    /// The address of the listener.
    pub(crate) listener: Arc<str>,
    pub(crate) socket: Socket,
    pub(crate) preamble: Preamble,
    pub(crate) place: ConnectionPermit,
    /// Dropped when the connection is taken.
    pub(crate) queued: Option<QueuedConnection>,
}

/// An accepted connection without its stream.
struct NewConnection {
    address: PeerAddress,
    listener: Arc<str>,
    preamble: Preamble,
    place: ConnectionPermit,
}

impl actix::Message for Adopt {
    type Result = ();
}

/// A connection has ended.
struct Ended {
    key: u64,
    panic: Option<Panic>,
}

impl actix::Message for Ended {
    type Result = ();
}

/// Refuses health checks from now on; returns whether there were recent ones.
pub(crate) struct GoDown;

impl actix::Message for GoDown {
    type Result = bool;
}

/// Makes the other arbiters known, for ACKs that have no connection here.
pub(crate) struct Elsewhere(pub(crate) Vec<Recipient<RoutedAck>>);

impl actix::Message for Elsewhere {
    type Result = ();
}

/// Stops everything on this arbiter gracefully; returns its statistics at the end.
pub(crate) struct Stop(pub(crate) Arc<DrainClock>);

impl actix::Message for Stop {
    type Result = Statistics;
}

/// Returns the statistics of this arbiter.
pub(crate) struct StatisticsRequest;

impl actix::Message for StatisticsRequest {
    type Result = Statistics;
}

impl Supervisor {
    /// Starts every handler, and then the supervisor, on this arbiter.
    pub(crate) async fn start(
        registry: Arc<Registry>,
        common: AgentContext,
    ) -> Result<Addr<Self>, AgentError> {
        panics::install_panic_hook();
        let counters = Rc::new(Counters::new(common.engines.clone()));
        let (limits, names) = (&common.start_limits, common.limit_names);
        let given_up = common.start_given_up.cancelled();
        let routes = registry.start(limits, names, &Routes::default(), given_up).await?;
        let shared = Rc::new(ArbiterContext::new(routes, common, counters));
        let supervisor = Self {
            shared,
            connections: BTreeMap::new(),
            next_key: 0,
            stopping: CancellationToken::new(),
            drain: None,
            successor: None,
            successions: Successions::default(),
            stopped: None,
        };
        let context = Context::new();
        let address = AsyncContext::address(&context);
        actix_rt::spawn(Undying { run: context.into_future(supervisor) });
        Ok(address)
    }

    fn adopt<S>(&mut self, stream: S, newcomer: NewConnection, ctx: &Context<Self>)
    where
        S: Transport,
    {
        let NewConnection { address, listener, preamble, place } = newcomer;
        let excess = place.excess().cloned();
        let guard = ConnectionGuard::new(place, Rc::clone(&self.shared.counters), &listener);
        let visit = Arriving { peer: address, listener, since: guard.since() };
        let incoming = IncomingConnection::new(stream, address, guard, Rc::clone(&self.shared));
        if preamble.is_empty() {
            let context = Context::new();
            let control = AsyncContext::address(&context).recipient();
            let link = Link { control, arriving: Weak::new(), excess };
            return self.supervise(link, context.into_future(incoming.into_connection()), ctx);
        }
        #[cfg(feature = "tls")]
        if let Some(config) = preamble.tls {
            let arriving = async move {
                let incoming = incoming.read_proxy_header(preamble.proxy_header).await?;
                Some(incoming.shake_hands(config).await?.into_connection())
            };
            return self.welcome(visit, excess, arriving, ctx);
        }
        let arriving = async move {
            let incoming = incoming.read_proxy_header(preamble.proxy_header).await?;
            Some(incoming.into_connection())
        };
        self.welcome(visit, excess, arriving, ctx);
    }

    /// Runs the preamble, and then the connection. Once the agent stops, a connection has a moment
    /// for its preamble: HAProxy has opened it for a request that waits.
    fn welcome<S>(
        &mut self,
        visit: Arriving,
        excess: Option<Arc<ExcessConnection>>,
        arriving: impl Future<Output = Option<Connection<S>>> + 'static,
        ctx: &Context<Self>,
    ) where
        S: Transport,
    {
        let context = Context::new();
        let control = AsyncContext::address(&context).recipient();
        let visit = Rc::new(visit);
        let link = Link { control, arriving: Rc::downgrade(&visit), excess };
        // Boxed, so that the finished preamble takes no memory of the connection.
        let arriving = self.stopping.clone().run_until_cancelled_owned(Box::pin(arriving));
        let arriving = Box::pin(async move {
            let _visit = visit;
            arriving.await
        });
        let run = async move {
            if let Some(Some(connection)) = arriving.await {
                context.into_future(connection).await;
            }
        };
        self.supervise(link, run, ctx);
    }

    /// Runs a connection until it ends, or until another one gets its permit.
    fn supervise(
        &mut self,
        link: Link,
        run: impl Future<Output = ()> + 'static,
        ctx: &Context<Self>,
    ) {
        match link.excess.clone() {
            None => self.fence(link, run, ctx),
            Some(excess) => {
                let displaced = excess.displaced().clone();
                let run = displaced.run_until_cancelled_owned(Box::pin(run));
                self.fence(link, run.map(drop), ctx);
            }
        }
    }

    /// Runs a connection, and catches panics: if its own code panics, only this connection ends.
    fn fence(&mut self, link: Link, run: impl Future<Output = ()> + 'static, ctx: &Context<Self>) {
        let key = self.next_key;
        self.next_key += 1;
        if let Some(clock) = &self.drain {
            // It was accepted before the stop, and passed on after it.
            link.control.do_send(Control::Drain(Arc::clone(clock)));
        }
        self.connections.insert(key, link);
        let run = AssertUnwindSafe(run).catch_unwind();
        let supervisor = ctx.address();
        // Not an async block: that would take the memory of a connection twice.
        actix_rt::spawn(run.map(move |end| {
            let panic = end.err().map(|panic| Panic::new(panic, None));
            supervisor.do_send(Ended { key, panic });
        }));
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;
}

impl Supervised for Supervisor {}

/// Runs the supervisor. No panic is known here; one would lose its message (and the answer to a
/// [`Stop`]), and not the arbiter.
struct Undying {
    run: ContextFut<Supervisor, Context<Supervisor>>,
}

impl Future for Undying {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        loop {
            let run = &mut self.run;
            match catch_unwind(AssertUnwindSafe(|| Pin::new(run).poll(task))) {
                Ok(progress) => return progress,
                Err(_) if self.run.restart() => {}
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl Handler<Adopt> for Supervisor {
    type Result = ();

    fn handle(&mut self, adopt: Adopt, ctx: &mut Context<Self>) {
        let Adopt { socket, listener, preamble, place, queued } = adopt;
        drop(queued);
        let newcomer = |address| NewConnection { address, listener, preamble, place };
        let adopted: io::Result<()> = match socket {
            Socket::Tcp(stream, address) => TcpStream::from_std(stream)
                .map(|stream| self.adopt(stream, newcomer(PeerAddress::Tcp(address)), ctx)),
            Socket::Unix(stream) => UnixStream::from_std(stream)
                .map(|stream| self.adopt(stream, newcomer(PeerAddress::Unix), ctx)),
            #[cfg(feature = "testing")]
            Socket::InMemory(stream) => {
                self.adopt(stream, newcomer(PeerAddress::InMemory), ctx);
                Ok(())
            }
        };
        if let Err(error) = adopted {
            log::error!(%error, "accepted connection lost: it could not be set up; look for a shortage of open files \
             or memory");
        }
    }
}

impl Handler<Ended> for Supervisor {
    type Result = ();

    fn handle(&mut self, Ended { key, panic }: Ended, _: &mut Context<Self>) {
        self.connections.remove(&key);
        if let Some(panic) = panic {
            self.shared.counters.count(|statistics| statistics.connections_panicked += 1);
            log::error!(%panic, "connection panic: closed the connection; report this bug");
        }
        if self.connections.is_empty()
            && let Some(stopped) = self.stopped.take()
        {
            let _ = stopped.send(());
        }
    }
}

impl Handler<GoDown> for Supervisor {
    type Result = bool;

    fn handle(&mut self, _: GoDown, _: &mut Context<Self>) -> bool {
        self.shared.health.go_down()
    }
}

impl Handler<Elsewhere> for Supervisor {
    type Result = ();

    fn handle(&mut self, Elsewhere(arbiters): Elsewhere, _: &mut Context<Self>) {
        if let Some(ack_router) = &self.shared.ack_router {
            ack_router.know(arbiters);
        }
    }
}

impl Handler<RoutedAck> for Supervisor {
    type Result = bool;

    fn handle(&mut self, reroute: RoutedAck, _: &mut Context<Self>) -> bool {
        self.shared
            .ack_router
            .as_ref()
            .is_some_and(|ack_router| ack_router.reroute(reroute).is_ok())
    }
}

impl Handler<Stop> for Supervisor {
    type Result = ResponseFuture<Statistics>;

    fn handle(&mut self, Stop(clock): Stop, _: &mut Context<Self>) -> Self::Result {
        let shared = Rc::clone(&self.shared);
        let (stopped, all_ended) = oneshot::channel();
        if !self.connections.is_empty() {
            self.stopped = Some(stopped);
        }
        let stopping = self.stopping.clone();
        let moment = HELLO_AT_STOP.min(shared.limits().shutdown_timeout / 2);
        actix_rt::spawn(async move {
            sleep(moment).await;
            stopping.cancel();
        });
        for link in self.connections.values() {
            link.control.do_send(Control::Drain(Arc::clone(&clock)));
        }
        self.drain = Some(clock);
        let (successor, successions) = (self.successor.take(), self.successions.clone());
        let limit = shared.limits().shutdown_timeout;
        Box::pin(async move {
            // An error means that there was nothing to wait for.
            if timeout(limit, all_ended).await.is_err() {
                let shutdown_timeout = shared.common.name(Limit::ShutdownTimeout);
                log::warn!(
                    "connections cut off: they did not close in time; look for slow handlers, or \
                 raise {shutdown_timeout}"
                );
            }
            // It is given up, or was decided before.
            let _ = timeout(limit, OptionFuture::from(successor)).await;
            let generation = shared.generation();
            let stop = generation.routes.stop_within(limit);
            tokio::join!(stop, successions.end_within(limit));
            shared.statistics()
        })
    }
}

impl Handler<StatisticsRequest> for Supervisor {
    type Result = MessageResult<StatisticsRequest>;

    fn handle(&mut self, _: StatisticsRequest, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.shared.statistics())
    }
}
