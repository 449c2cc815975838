//! Registry: which handler answers which message.

use std::{borrow::Cow, fmt, num::NonZero, rc::Rc};

use actix::Recipient;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::{
    notify_route::NotifyRoute,
    route::{IntoRoute, Route, layer_factory},
    routes::Routes,
};
use crate::{
    error::AgentError,
    handler::{
        BlockingHandler, Factory, FactoryNow, IsBlocking, IsReady, MailboxCall, ReadyHandler,
        States,
    },
    layer::{Layer, LayerFactory},
    limit::LimitNames,
    limits::{Limits, check},
};

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
    routes: Vec<Registered>,
    catch_all: Option<Route>,
    states: States,
    layers: Vec<LayerFactory>,
}

/// A route and the messages that it answers.
#[derive(Clone, Debug)]
struct Registered {
    names: Vec<String>,
    /// Whether it takes those of one NOTIFY together.
    is_together: bool,
    route: Route,
}

impl Registered {
    /// The name of the route.
    fn name(&self) -> String {
        self.names.join("+")
    }
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
        let (names, route) = (vec![name.into()], handler.into_route());
        self.routes.push(Registered { names, is_together: false, route });
        self
    }

    /// Answers several messages of one NOTIFY together: one call, one deadline, one answer.
    ///
    /// HAProxy sends all messages of an event or of a `send-spoe-group` in one NOTIFY. The handler is called
    /// with those of them that `names` lists, as soon as there is one; the other messages of the NOTIFY go
    /// to their own routes. Messages that are not in the NOTIFY are absent from the call.
    ///
    /// A struct with serde's `Deserialize` takes one message per field. Use `Option` for a message that is
    /// not in every NOTIFY, and [`Messages`](crate::Messages) to take all as they arrived.
    ///
    /// ```
    /// use std::net::IpAddr;
    ///
    /// use serde::Deserialize;
    /// use spoa_actors::{Actions, Registry, Var};
    ///
    /// const ALLOWED: Var = Var::transaction("allowed");
    ///
    /// #[derive(Deserialize)]
    /// struct Client {
    ///     ip: IpAddr,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Token {
    ///     token: String,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// #[serde(rename_all = "kebab-case")]
    /// struct Request {
    ///     check_client: Client,
    ///     check_token: Option<Token>,
    /// }
    ///
    /// fn check(Request { check_client, check_token }: Request) -> Actions {
    ///     let is_known = check_token.is_some_and(|login| login.token == "secret");
    ///     Actions::new().set(ALLOWED, is_known || check_client.ip.to_canonical().is_loopback())
    /// }
    ///
    /// let registry = Registry::new().on_notify(["check-client", "check-token"], check);
    /// ```
    ///
    /// The deadline is the shortest of the route's and those in the messages
    /// ([`Route::deadline_argument`]). The call counts once for the concurrency limit, the message limits
    /// and the metrics, where the route has the names joined by `+`: `check-client+check-token`. The answer
    /// or the fallback stands where the first of the messages is.
    ///
    /// No name, or a name that another route has, is an error when the agent starts.
    #[must_use]
    pub fn on_notify<Name, Kind>(
        mut self,
        names: impl IntoIterator<Item = Name>,
        handler: impl IntoRoute<Kind>,
    ) -> Self
    where
        Name: Into<String>,
    {
        let names = names.into_iter().map(Into::into).collect();
        self.routes.push(Registered { names, is_together: true, route: handler.into_route() });
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
        self.routes.iter().flat_map(|registered| &registered.names).map(String::as_str)
    }

    /// Replaces the route of the messages called `name`, or adds one. Use it to make the registry of
    /// a [reload](crate::Reloader) from a clone of the last one.
    ///
    /// Here, and for [`remove`](Self::remove) and [`get`](Self::get), a route that takes several messages
    /// together is called by their names, joined by `+`.
    #[must_use]
    pub fn replace<Kind>(mut self, name: impl Into<String>, handler: impl IntoRoute<Kind>) -> Self {
        let (name, route) = (name.into(), handler.into_route());
        match self.routes.iter_mut().find(|known| known.name() == name) {
            Some(known) => known.route = route,
            None => self.routes.push(Registered { names: vec![name], is_together: false, route }),
        }
        self
    }

    /// Removes the route of the messages called `name`, if they have one.
    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        self.routes.retain(|known| known.name() != name);
        self
    }

    /// The route of the messages called `name`. A [reload](crate::Reloader) with a clone of it under
    /// the same name keeps the handler and its state.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|known| known.name() == name).map(|known| &known.route)
    }

    pub(crate) fn check(&self) -> Result<(), AgentError> {
        let mut routes =
            self.routes.iter().map(|registered| &registered.route).chain(&self.catch_all);
        routes.try_for_each(Route::check)?;
        let has_names = self.routes.iter().all(|registered| !registered.names.is_empty());
        check("the number of names of Registry::on_notify", has_names, "at least 1")?;
        let mut names: Vec<_> = self.routes.iter().flat_map(Self::named).collect();
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        match names.windows(2).find_map(|pair| match pair {
            [(one, first), (other, second)] if one == other => Some((one, [*first, *second])),
            _ => None,
        }) {
            Some((name, routes)) => Err(AgentError::DuplicateRoute {
                name: name.to_string(),
                routes: routes.map(Registered::name),
            }),
            None => Ok(()),
        }
    }

    /// The names that no other route may have: those of its messages, and its own.
    fn named(registered: &Registered) -> impl Iterator<Item = (Cow<'_, str>, &Registered)> {
        let own = (registered.names.len() > 1).then(|| Cow::Owned(registered.name()));
        let names = registered.names.iter().map(|name| Cow::Borrowed(name.as_str()));
        names.chain(own).map(move |name| (name, registered))
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
        let named = self.routes.iter().map(|registered| (registered.name(), &registered.route));
        let catch_all = self.catch_all.as_ref().map(|route| (CATCH_ALL.to_owned(), route));
        let all = named.chain(catch_all);
        let mut starts: FuturesUnordered<_> = all
            .enumerate()
            .map(async |(order, (name, route))| {
                let record = before.record_of(&name).unwrap_or_default();
                let before = before.route_called(&name).map(|live| &**live);
                let shared = (&self.states, &*self.layers);
                let live = route.start((&*name).into(), shared, bounds, before, record);
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
                Some((order, _, Ok(live))) => match self.routes.get(order) {
                    None => started.catch_all = Some(live),
                    Some(Registered { is_together: true, names, .. }) => {
                        started.together.push(NotifyRoute::new(live, names));
                    }
                    Some(_) => started.by_name.push(live),
                },
                Some((order, name, Err(cause))) => {
                    if first.as_ref().is_none_or(|&(known, _)| order < known) {
                        first = Some((order, AgentError::Handler { name, cause }));
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
