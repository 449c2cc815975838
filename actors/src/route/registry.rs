//! Registry: which handler answers which message; and Routes, the same alive on one arbiter.

use std::{cell::Cell, fmt, num::NonZero, rc::Rc, time::Duration};

use actix::Recipient;
use futures_util::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::timeout;

use super::{
    handler_slot::HandlerSlot,
    live_route::LiveRoute,
    removed_routes::RemovedRoutes,
    route::{IntoRoute, Route, layer_factory},
};
use crate::{
    error::AgentError,
    handler::{
        BlockingHandler, Factory, FactoryNow, IsBlocking, IsReady, MailboxCall, ReadyHandler,
        States,
    },
    layer::{Layer, LayerFactory},
    limit::LimitNames,
    limits::Limits,
    log,
    observe::{RateLimit, RouteStatistics},
    origin::Peer,
    spop::ForeignText,
};

/// How many bytes of the name of a message without a route are logged.
const LONGEST_NAME: usize = 64;

/// How the route of the messages without one of their own is named.
const CATCH_ALL: &str = "(any other)";

/// The blueprint of an agent: message names, and the handlers that answer them.
///
/// The names are those of HAProxy's `spoe-message` sections, case-sensitive. They live here and not
/// in the handler, as they belong to the deployment.
///
/// ```
/// # use spoa_actors::*;
/// # #[derive(Default)] struct IpReputation;
/// # #[async_trait::async_trait(?Send)]
/// # impl HandlerActor for IpReputation {
/// #     type Args = ();
/// #     async fn handle(&self, _: (), _: &Origin) -> Result<Actions, BoxError> { Ok(Actions::new()) }
/// # }
/// # use std::time::Duration;
/// const DENY: Var = Var::transaction("deny");
///
/// let closed = Actions::new().set(DENY, true);
/// let registry = Registry::new()
///     .on("check-client-ip", IpReputation::default)
///     .on("check-token", Route::new(IpReputation::default)
///         .fallback(closed)
///         .deadline(Duration::from_millis(200)));
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    routes: Vec<(String, Route)>,
    catch_all: Option<Route>,
    states: States,
    layers: Vec<LayerFactory>,
}

impl Registry {
    /// A registry without a route.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the messages called `name` by a function, by the handler that a factory makes on each
    /// arbiter, or by any other [`Route`]; see [`IntoRoute`].
    ///
    /// The same name twice is an error when the agent starts.
    #[must_use]
    pub fn on<Kind>(mut self, name: impl Into<String>, handler: impl IntoRoute<Kind>) -> Self {
        self.routes.push((name.into(), handler.into_route()));
        self
    }

    /// Answers the messages called `name` by a raw actix actor; see [`Route::actor`].
    #[must_use]
    pub fn on_actor<A, F>(self, name: impl Into<String>, factory: F) -> Self
    where
        A: Into<Recipient<MailboxCall>>,
        F: Fn() -> A + Send + Sync + 'static,
    {
        self.on(name, Route::actor(factory))
    }

    /// Answers the messages called `name` at once, by the handler that a factory makes on each arbiter;
    /// see [`ReadyHandler`].
    #[must_use]
    pub fn on_ready<H, Kind>(
        self,
        name: impl Into<String>,
        factory: impl Factory<IsReady, H, Kind>,
    ) -> Self
    where
        H: ReadyHandler,
    {
        self.on(name, Route::ready(factory))
    }

    /// Answers the messages `name` on `threads` separate threads per arbiter; see
    /// [`BlockingHandler`] and
    /// [`Route::blocking`].
    #[must_use]
    pub fn on_blocking<H, Kind>(
        self,
        name: impl Into<String>,
        threads: NonZero<usize>,
        factory: impl FactoryNow<IsBlocking, H, Kind>,
    ) -> Self
    where
        H: BlockingHandler,
    {
        self.on(name, Route::blocking(threads, factory))
    }

    /// Hands a value to all functions that take it, as [`State<T>`](crate::State): a configuration, a
    /// client, a pool.
    ///
    /// It is the same one on all arbiters. A second value of the same type takes the place of the first.
    #[must_use]
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Answers the messages whose name has no route of its own.
    #[must_use]
    pub fn catch_all<Kind>(mut self, handler: impl IntoRoute<Kind>) -> Self {
        self.catch_all = Some(handler.into_route());
        self
    }

    /// Puts a [`Layer`] around every route, including routes that are registered later. Each route has its
    /// own instance on each arbiter.
    ///
    /// Layers of the registry are outside of the layers of a route. The last one is the outermost.
    #[must_use]
    pub fn layer<L, F>(mut self, factory: F) -> Self
    where
        L: Layer,
        F: Fn() -> L + Send + Sync + 'static,
    {
        self.layers.push(layer_factory(factory));
        self
    }

    /// The names that have a route, in the order in which they were registered.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|(name, _)| name.as_str())
    }

    /// Replaces the route of the messages called `name`, or adds one. Use it to make the registry of
    /// a [reload](crate::Reloader) from a clone of the last one.
    #[must_use]
    pub fn replace<Kind>(mut self, name: impl Into<String>, handler: impl IntoRoute<Kind>) -> Self {
        let (name, route) = (name.into(), handler.into_route());
        match self.routes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = route,
            None => self.routes.push((name, route)),
        }
        self
    }

    /// Removes the route of the messages called `name`, if they have one.
    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        self.routes.retain(|(known, _)| known != name);
        self
    }

    /// The route of the messages called `name`. A [reload](crate::Reloader) with a clone of it under
    /// the same name keeps the handler and its state.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|(known, _)| known == name).map(|(_, route)| route)
    }

    pub(crate) fn check(&self) -> Result<(), AgentError> {
        let mut routes = self.routes.iter().map(|(_, route)| route).chain(&self.catch_all);
        routes.try_for_each(Route::check)?;
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(AgentError::DuplicateRoute { name: pair[0].to_owned() }),
            None => Ok(()),
        }
    }

    /// Starts every handler on this arbiter, all at the same time, but for those that the routes before have:
    /// these go on. If one fails, or the start is given up, those that have started stop, and the
    /// others are dropped.
    pub(crate) async fn start(
        &self,
        limits: &Limits,
        names: LimitNames,
        before: &Routes,
        given_up: impl Future<Output = ()>,
    ) -> Result<Routes, AgentError> {
        let mut started = Routes::default();
        let outcome = tokio::select! {
            biased;
            outcome = self.start_all((limits, names), before, &mut started) => outcome,
            () = given_up => Err(AgentError::ArbiterGone),
        };
        match outcome {
            Ok(()) => {
                started.by_name.sort_unstable_by(|one, other| one.name.cmp(&other.name));
                Ok(started)
            }
            Err(error) => {
                started.discard(before, limits.shutdown_timeout).await;
                Err(error)
            }
        }
    }

    /// Of the handlers that fail at the same time, the error is that of the first one registered.
    async fn start_all(
        &self,
        bounds: (&Limits, LimitNames),
        before: &Routes,
        started: &mut Routes,
    ) -> Result<(), AgentError> {
        let named = self.routes.iter().map(|(name, route)| (name.as_str(), route));
        let all = named.chain(self.catch_all.as_ref().map(|route| (CATCH_ALL, route)));
        let mut starts: FuturesUnordered<_> = all
            .enumerate()
            .map(async |(order, (name, route))| {
                let record = before.record_of(name).unwrap_or_default();
                let before = before.route_called(name).map(|live| &**live);
                let shared = (&self.states, &*self.layers);
                let live = route.start(name.into(), shared, bounds, before, record);
                (order, name, live.await.map(Rc::new))
            })
            .collect();
        let mut first: Option<(usize, AgentError)> = None;
        loop {
            let ended = match &first {
                None => starts.next().await,
                Some(_) => starts.next().now_or_never().flatten(),
            };
            match ended {
                Some((order, _, Ok(live))) if order == self.routes.len() => {
                    started.catch_all = Some(live);
                }
                Some((_, _, Ok(live))) => started.by_name.push(live),
                Some((order, name, Err(cause))) => {
                    if first.as_ref().is_none_or(|&(known, _)| order < known) {
                        first = Some((order, AgentError::Handler { name: name.to_owned(), cause }));
                    }
                }
                None => return first.map_or(Ok(()), |(_, error)| Err(error)),
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("routes", &self.routes)
            .field("catch_all", &self.catch_all)
            .field("states", &self.states)
            .field("layers", &self.layers.len())
            .finish()
    }
}

/// The routes of one arbiter, their handlers started.
#[derive(Default)]
pub(crate) struct Routes {
    /// In the order of their names.
    by_name: Vec<Rc<LiveRoute>>,
    catch_all: Option<Rc<LiveRoute>>,
    /// Which one was found last: most agents are asked for one name again and again.
    last: Cell<usize>,
    /// For the messages without a route.
    missing: RateLimit,
    /// For the messages that are not looked at.
    unread: RateLimit,
    /// Those that reloads have removed.
    pub(super) removed: RemovedRoutes,
}

impl Routes {
    #[inline(always)]
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<LiveRoute>> {
        match self.by_name.get(self.last.get()) {
            Some(last) if last.name.as_bytes() == name => Some(last),
            _ => self.search(name),
        }
    }

    fn search(&self, name: &[u8]) -> Option<&Rc<LiveRoute>> {
        let found = self.by_name.binary_search_by(|route| route.name.as_bytes().cmp(name));
        let Ok(index) = found else { return self.catch_all.as_ref() };
        self.last.set(index);
        self.by_name.get(index)
    }

    /// The route of this name; the catch-all has one, too.
    pub(super) fn route_called(&self, name: &str) -> Option<&Rc<LiveRoute>> {
        let found = self.by_name.binary_search_by(|route| (*route.name).cmp(name));
        match found {
            Ok(index) => self.by_name.get(index),
            Err(_) => self.catch_all.as_ref().filter(|route| *route.name == *name),
        }
    }

    /// Logs that a message has no route.
    #[cold]
    pub(crate) fn report_missing(&self, name: &[u8]) {
        let Some(suppressed) = self.missing.permit() else { return };
        let routes: Vec<_> = self.by_name.iter().map(|route| &*route.name).collect();
        log::warn!(
            spoe_message = %ForeignText::new(name).up_to(LONGEST_NAME),
            suppressed,
            routes = routes.join(", "),
            "message without a route: it adds nothing to its ACK; register a handler under this \
             name, or remove it from the spoe-agent's messages"
        );
    }

    /// Logs that the last messages of a NOTIFY are not looked at.
    #[cold]
    pub(crate) fn report_unread(&self, peer: &Peer, messages: usize) {
        let Some(suppressed) = self.unread.permit() else { return };
        log::warn!(
            peer = %peer.address,
            engine_id = peer.engine_id.as_ref().map(tracing::field::display),
            messages,
            suppressed,
            "messages dropped without their fallbacks: a NOTIFY has more than 17,408 of them; list \
             at most 1024 messages for one event or spoe-group"
        );
    }

    /// A required route whose handler is down.
    pub(crate) fn down(&self) -> Option<String> {
        let down = self.iter().find(|route| route.is_required && route.slot.is_down());
        down.map(|route| route.name.to_string())
    }

    /// The shortest deadline of a route, if there is a route.
    pub(crate) fn shortest_deadline(&self) -> Option<Duration> {
        self.iter().map(|route| route.deadline.time).min()
    }

    /// What was seen of each so far.
    pub(crate) fn statistics(&self) -> Vec<RouteStatistics> {
        self.iter().map(|route| route.statistics()).chain(self.removed.statistics()).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rc<LiveRoute>> {
        self.by_name.iter().chain(&self.catch_all)
    }

    /// Ends every handler in good order; drops those that take longer.
    pub(crate) async fn stop_within(&self, limit: Duration) {
        Self::stop_all(self.iter(), limit).await;
    }

    pub(super) async fn stop_all(routes: impl Iterator<Item = &Rc<LiveRoute>>, limit: Duration) {
        Self::stop_slots(routes.map(|route| &*route.slot), limit).await;
    }

    pub(super) async fn stop_slots(slots: impl Iterator<Item = &HandlerSlot>, limit: Duration) {
        let stops = join_all(slots.map(HandlerSlot::stop));
        if timeout(limit, stops).await.is_err() {
            log::warn!("handlers dropped: they did not stop in time; make their `stopping` faster");
        }
    }
}
