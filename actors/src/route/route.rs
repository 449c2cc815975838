//! Route: how the handler of a message is made, and what holds for its calls.

use std::{cell::Cell, fmt, num::NonZero, rc::Rc, sync::Arc, time::Duration};

use actix::Recipient;

use super::{
    handler_slot::Terms,
    handler_supervisor::{self, SupervisionPolicy},
    live_route::{Deadline, LiveRoute},
    source::{Source, Start, Starting},
};
use crate::{
    error::{AgentError, BoxError},
    handler::{
        Adapter, Blocking, BlockingHandler, Factory, FactoryNow, Function, Handler, HandlerActor,
        HandlerFn, IsActor, IsBlocking, IsOwn, IsReady, Mailbox, MailboxCall, Own, Ready,
        ReadyHandler, Shared, SharedHandler, States, actor_handler,
    },
    layer::{Layer, LayerFactory},
    limit::LimitNames,
    limits::{Limits, MAX_DURATION, check, check_duration},
    observe::RouteMetrics,
    spop::Actions,
    supervision::{Budget, Bulkhead, FailureSignal, OnFull},
};

/// No handler is restarted again and again without a pause.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// How a handler is made, and what holds for its route.
///
/// A function or a factory is a route with the defaults; see [`Registry::on`](crate::Registry::on).
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Actions, OnFull, Registry, Route, Var};
///
/// const DENY: Var = Var::transaction("deny");
///
/// let check = Route::new(|| (DENY, false))
///     .fallback(Actions::new().set(DENY, true))
///     .deadline(Duration::from_millis(200))
///     .concurrency(1_000)
///     .on_full(OnFull::Queue);
/// let registry = Registry::new().on("check-token", check);
/// ```
#[derive(Clone)]
pub struct Route {
    start: Start,
    states: States,
    layers: Vec<LayerFactory>,
    /// Whether its handler is a function.
    takes_states: bool,
    fallback: Actions,
    deadline: Option<Duration>,
    deadline_argument: Option<Box<str>>,
    concurrency: usize,
    on_full: OnFull,
    budget: Budget,
    is_required: bool,
}

impl Route {
    /// A route to a function, or to the actor that a factory makes on every arbiter, and again after a
    /// panic: whatever [`Registry::on`](crate::Registry::on) takes.
    pub fn new<Kind>(handler: impl IntoRoute<Kind>) -> Self {
        handler.into_route()
    }

    /// A route to the handler that `factory` makes, once for every arbiter and again after a panic, and
    /// that answers at once.
    pub fn ready<H, Kind>(factory: impl Factory<IsReady, H, Kind>) -> Self
    where
        H: ReadyHandler,
    {
        Self::from_start(move |signal, _| {
            let handler = factory.make();
            Box::pin(async {
                let ready = Ready::start(handler.await?, signal)?;
                Ok(Box::new(ready) as Box<dyn Adapter>)
            })
        })
    }

    /// A route to one handler for the whole agent, called in place on every arbiter: a
    /// [`HandlerActor`] or a [`ReadyHandler`] that is `Send + Sync`.
    ///
    /// The first arbiter that starts calls `factory`, and runs the handler's tasks; the others wait for
    /// it. When the handler panics, the arbiter that called it makes a new one for the whole agent. Until
    /// that has started, all others go on with the last one, and with its state. State that has to
    /// survive a panic comes from outside of the factory.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use spoa_actors::{Actions, BoxError, Origin, ReadyHandler, Registry, Route, Var};
    ///
    /// const NUMBER: Var = Var::transaction("number");
    ///
    /// #[derive(Default)]
    /// struct Counter(AtomicU64);
    ///
    /// impl ReadyHandler for Counter {
    ///     type Args<'a> = ();
    ///
    ///     fn handle(&self, (): (), _: &Origin) -> Result<Actions, BoxError> {
    ///         Ok(Actions::new().set(NUMBER, self.0.fetch_add(1, Ordering::Relaxed) + 1))
    ///     }
    /// }
    ///
    /// let registry = Registry::new().on("count-request", Route::shared(Counter::default));
    /// ```
    pub fn shared<Role, H, Kind>(factory: impl Factory<Role, H, Kind>) -> Self
    where
        H: SharedHandler<Role>,
    {
        let (factory, shared) = (Arc::new(factory), Arc::new(Shared::default()));
        Self::from_start(move |signal, _| {
            let (factory, shared) = (Arc::clone(&factory), Arc::clone(&shared));
            Box::pin(async move { shared.start(&*factory, signal).await })
        })
    }

    /// A route to `threads` threads on every arbiter, each with a handler that `factory` makes, for
    /// handlers that block or compute for long.
    pub fn blocking<H, Kind>(
        threads: NonZero<usize>,
        factory: impl FactoryNow<IsBlocking, H, Kind>,
    ) -> Self
    where
        H: BlockingHandler,
    {
        let factory = Arc::new(factory);
        Self::from_start(move |signal, _| {
            let factory = Arc::clone(&factory);
            let factory = Arc::new(move || factory.make_now());
            Box::pin(async move {
                let blocking = Blocking::start(threads, factory, signal).await?;
                Ok(Box::new(blocking) as Box<dyn Adapter>)
            })
        })
    }

    /// A route through the mailbox of a raw actix actor, for strict order, exclusive state across
    /// awaits, or another thread. `factory` is called once for every arbiter, and on it; it may
    /// start an actor there or return the address of one that runs elsewhere: an [`actix::Addr`], or a
    /// [`Recipient`] of calls. It is called again when the actor has stopped or panicked: what waited in
    /// that mailbox is answered by the fallback. It must start another one then: with the address of the
    /// old one, which [`Addr::connected`](actix::Addr::connected) tells, the fallback is all that the
    /// route answers from then on.
    pub fn actor<A, F>(factory: F) -> Self
    where
        A: Into<Recipient<MailboxCall>>,
        F: Fn() -> A + Send + Sync + 'static,
    {
        Self::from_start(move |signal, _| {
            let mailbox = Mailbox::new(factory().into(), signal);
            Box::pin(async { Ok(Box::new(mailbox) as Box<dyn Adapter>) })
        })
    }

    /// A route to your own [`Handler`]. Each arbiter calls `factory` once, and again after a panic.
    pub fn handler<H, Kind>(factory: impl Factory<IsOwn, H, Kind>) -> Self
    where
        H: Handler,
    {
        Self::from_start(move |_, _| {
            let handler = factory.make();
            Box::pin(async { Ok(Box::new(Own::new(handler.await?)) as Box<dyn Adapter>) })
        })
    }

    fn from_start(
        start: impl Fn(FailureSignal, &States) -> Starting + Send + Sync + 'static,
    ) -> Self {
        Self {
            start: Arc::new(start),
            states: States::default(),
            layers: Vec::new(),
            takes_states: false,
            fallback: Actions::new(),
            deadline: None,
            deadline_argument: None,
            concurrency: Bulkhead::DEFAULT,
            on_full: OnFull::default(),
            budget: Budget::default(),
            is_required: true,
        }
    }

    /// Hands a value to the function of this route, instead of the registry's of the same type; see
    /// [`State`](crate::State).
    #[must_use]
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Puts a [`Layer`] around the handler and the layers it already has: the last one is the outermost.
    /// Each arbiter calls `factory` once, and again after a layer has panicked.
    #[must_use]
    pub fn layer<L, F>(mut self, factory: F) -> Self
    where
        L: Layer,
        F: Fn() -> L + Send + Sync + 'static,
    {
        self.layers.push(layer_factory(factory));
        self
    }

    /// What is sent when the handler fails, panics or is late: none unless this is called, so that
    /// HAProxy goes on as if it had not asked.
    #[must_use]
    pub fn fallback(mut self, actions: Actions) -> Self {
        self.fallback = actions;
        self
    }

    /// How long the handler may take, instead of [`Limits::deadline`](crate::Limits::deadline): longer
    /// than 0 and at most a day, or the agent does not start.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The argument that shortens the deadline of its message: an integer, in milliseconds. It never
    /// makes it longer; a message without it has the deadline of the route.
    #[must_use]
    pub fn deadline_argument(mut self, name: impl Into<String>) -> Self {
        self.deadline_argument = Some(name.into().into());
        self
    }

    /// How many calls of this route can be in progress on an arbiter, those included that wait for a
    /// restart: 256 unless this is called. A call that is answered at once never counts. It is
    /// well below [`Limits::messages_per_connection`](crate::Limits::messages_per_connection), so that a connection is read on for
    /// the sake of other routes. With 0 the agent does not start.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls;
        self
    }

    /// What happens to a message when the concurrency limit is reached: the fallback at once, unless
    /// this is called.
    #[must_use]
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Limits the failures of the handler before it has answered, within any `window` of a second
    /// to a day
    /// [default: 10 in 10 s]. At the limit, the handler is restarted once per window, and shown as down until it
    /// answers. With 0, this happens after its first failure.
    ///
    /// A failed start always counts. A panic, or the end of a raw actor, counts only until an
    /// instance on the arbiter has answered, that is, returned `Ok` or `Err` to any message. A
    /// handler that has answered works: it is restarted at once when it panics, and after up to 250
    /// ms if it panics repeatedly. So a client that sends messages that cause panics cannot disable
    /// the route.
    #[must_use]
    pub fn restarts(mut self, count: usize, window: Duration) -> Self {
        self.budget = Budget { count, window };
        self
    }

    /// Has the agent start without waiting for the handler, and even if it does not start: its
    /// messages wait for it as for a restart, up to their deadline, and get the fallback from then on
    /// until it has.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.is_required = false;
        self
    }

    pub(super) fn check(&self) -> Result<(), AgentError> {
        self.deadline.map_or(Ok(()), |deadline| check_duration("Route::deadline", deadline))?;
        let is_window = (SHORTEST_WINDOW..=MAX_DURATION).contains(&self.budget.window);
        check("window of Route::restarts", is_window, "at least a second and at most a day")?;
        let is_possible = (1..=Bulkhead::MAX).contains(&self.concurrency);
        check("Route::concurrency", is_possible, "at least 1, and a number that can be counted")
    }

    /// Starts the handler on this arbiter, with states and layers that it shares with others, unless it is
    /// that of the route before, which goes on then.
    pub(super) async fn start(
        &self,
        name: Rc<str>,
        (states, outer): (&States, &[LayerFactory]),
        (limits, limit_names): (&Limits, LimitNames),
        before: Option<&LiveRoute>,
        record: Rc<RouteMetrics>,
    ) -> Result<LiveRoute, BoxError> {
        let deadline = Deadline {
            time: self.deadline.unwrap_or(limits.deadline),
            argument: self.deadline_argument.clone(),
        };
        let terms = Terms {
            concurrency: self.concurrency,
            on_full: self.on_full,
            start_timeout: limits.start_timeout,
            patience: deadline.time,
            budget: self.budget,
        };
        let care = SupervisionPolicy {
            name: Rc::clone(&name),
            is_required: self.is_required,
            record: Rc::clone(&record),
        };
        // Other handlers than functions take none, so that they go on when those are others.
        let states = if self.takes_states { self.states.or(states) } else { States::default() };
        let layers = self.layers.iter().chain(outer).cloned().collect();
        let source = Source { start: Arc::clone(&self.start), states, layers };
        let slot = match before.filter(|before| before.slot.is_of(&source)) {
            Some(before) => Rc::clone(&before.slot),
            None => handler_supervisor::start(care, source, terms).await?,
        };
        Ok(LiveRoute {
            name,
            slot,
            terms,
            fallback: self.fallback.clone(),
            deadline,
            is_required: self.is_required,
            record,
            limit_names,
            log: Default::default(),
            in_use: Cell::default(),
        })
    }
}

/// A factory of layers of any kind.
pub(super) fn layer_factory<L: Layer>(
    factory: impl Fn() -> L + Send + Sync + 'static,
) -> LayerFactory {
    Arc::new(move || Box::new(factory()))
}

/// What becomes a [`Route`], and so can be registered by [`Registry::on`](crate::Registry::on).
///
/// | type | answers |
/// |---|---|
/// | a function, plain or async | with what it returns; see [`FromCall`](crate::FromCall) for what it may take and [`IntoActions`](crate::IntoActions) for what it may return |
/// | a factory of a [`HandlerActor`](crate::HandlerActor): `Fn() -> H`, `Fn() -> Result<H, E>`, or an async function of these | with an actor on each arbiter |
/// | a [`Route`] | as it was made |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "is neither a handler function, nor a factory of a `HandlerActor`, nor a `Route`",
    note = "a function is one if it is `Send + Sync + 'static`, each argument is `FromCall` (such as a \
            struct with `serde::Deserialize` that borrows nothing, `State<T>`, `Origin`, `Deadline`), \
            and its answer is `IntoActions` (such as `Actions` or `Result<Actions, E>`)",
    note = "the type of each argument of a closure has to be written: `|login: Login| …`"
)]
pub trait IntoRoute<Kind> {
    /// The route, with the defaults unless it is one already.
    fn into_route(self) -> Route;
}

/// The kind of a route.
#[doc(hidden)]
#[derive(Debug)]
pub struct Itself;
/// The kind of a function.
#[doc(hidden)]
#[derive(Debug)]
pub struct OfFunction<Args, Kind>(Args, Kind);
/// The kind of a factory.
#[doc(hidden)]
#[derive(Debug)]
pub struct OfFactory<H, Kind>(H, Kind);

impl IntoRoute<Itself> for Route {
    fn into_route(self) -> Self {
        self
    }
}

impl<F, Args, Kind> IntoRoute<OfFunction<Args, Kind>> for F
where
    F: HandlerFn<Args, Kind>,
    Args: 'static,
    Kind: 'static,
{
    fn into_route(self) -> Route {
        let function = Arc::new(self);
        let route = Route::from_start(move |signal, states| {
            let started = Function::start(Arc::clone(&function), states, &signal);
            Box::pin(async { Ok(Box::new(started?) as Box<dyn Adapter>) })
        });
        Route { takes_states: true, ..route }
    }
}

impl<F, H, Kind> IntoRoute<OfFactory<H, Kind>> for F
where
    F: Factory<IsActor, H, Kind>,
    H: HandlerActor,
{
    fn into_route(self) -> Route {
        Route::from_start(move |signal, _| {
            let handler = self.make();
            Box::pin(async { actor_handler::start(handler.await?, signal).await })
        })
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("states", &self.states)
            .field("layers", &self.layers.len())
            .field("fallback", &self.fallback)
            .field("deadline", &self.deadline)
            .field("concurrency", &self.concurrency)
            .field("on_full", &self.on_full)
            .field("restarts", &self.budget)
            .field("is_required", &self.is_required)
            .finish_non_exhaustive()
    }
}
