//! Route: how a handler is made, and the settings of its calls.

use std::{fmt, num::NonZero, rc::Rc, sync::Arc, time::Duration};

use actix::Recipient;

use super::{
    handler_slot::Terms,
    handler_supervisor::{self, SupervisionPolicy},
    in_use::InUse,
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

/// The shortest window of restarts.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// Sets how a handler is made, its fallback, its deadline and its limits.
///
/// A function or a factory converts into a route with the defaults; see
/// [`Registry::on`](crate::Registry::on).
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
    /// A route to a function, or to the actor that a factory makes on every arbiter and after each
    /// panic: takes the same as [`Registry::on`](crate::Registry::on).
    pub fn new<Kind>(handler: impl IntoRoute<Kind>) -> Self {
        handler.into_route()
    }

    /// A route to the handler that `factory` makes, once per arbiter and after each panic, and that
    /// answers at once.
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
    /// [`HandlerActor`] or a
    /// [`ReadyHandler`] that is `Send + Sync`.
    ///
    /// The first arbiter that starts calls `factory`, and runs the handler's tasks; the others wait
    /// for it. If the handler panics, the arbiter that called it makes another one for the whole
    /// agent. Until that one has started, the other arbiters use the old one and its state. To keep
    /// state after a panic, create it outside of the factory.
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

    /// A route to `threads` threads per arbiter, each with a handler that `factory` makes, for
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
    /// awaits, or another thread. `factory` is called once per arbiter, and on it. It starts an
    /// actor there, or returns the address of one elsewhere: an [`actix::Addr`], or a [`Recipient`]
    /// of calls. It is called again after the actor has stopped or panicked; the messages in that
    /// mailbox get the fallback. It must then start another actor. If it returns the address of the
    /// stopped one (check [`Addr::connected`](actix::Addr::connected)), the route answers with its
    /// fallback only.
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

    /// Gives a value to the function of this route, instead of the registry's value of the same
    /// type; see
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

    /// Sets the actions of a message whose handler fails, panics or is late [default: none, so that
    /// HAProxy continues as if it had not asked].
    #[must_use]
    pub fn fallback(mut self, actions: Actions) -> Self {
        self.fallback = actions;
        self
    }

    /// Sets the time for an answer, instead of [`Limits::deadline`](crate::Limits::deadline). If it
    /// is not longer than 0 and at most a day, the agent does not start.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the argument that shortens the deadline of its message, an integer in milliseconds. It
    /// never extends the deadline. A message without it has the deadline of the route.
    #[must_use]
    pub fn deadline_argument(mut self, name: impl Into<String>) -> Self {
        self.deadline_argument = Some(name.into().into());
        self
    }

    /// Limits the calls of this route in progress on an arbiter, with those that wait for a restart
    /// [default: 256]. A call that is answered at once does not count. Keep it well below
    /// [`Limits::messages_per_connection`](crate::Limits::messages_per_connection), so that connections are
    /// still read for other routes. With 0 the agent does not start.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls;
        self
    }

    /// Sets what happens to a message at the concurrency limit [default: the fallback at once].
    #[must_use]
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Limits the failures of the handler before it has answered, within any `window` of a second
    /// to a day. The default is 10 in 10 s. At the limit, the handler is restarted once per window,
    /// and shown as down until it answers. With 0, this happens after its first failure.
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

    /// Lets the agent start without waiting for the handler, even if it does not start. Its
    /// messages wait as for a restart, up to their deadline. Later ones get the fallback until the
    /// handler has started.
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

    /// What starts its handler alone, for a layer that asks it beside another one.
    pub(crate) fn start_alone(&self) -> impl Fn() -> Starting + 'static {
        let (start, states) = (Arc::clone(&self.start), self.states.clone());
        move || start(FailureSignal::unheard(), &states)
    }

    /// Starts the handler on this arbiter, with states and layers that it shares with others; or
    /// continues the handler of the previous route, if it is the same.
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
        // Other handlers take no states, so that they continue when the states change.
        let states = if self.takes_states { self.states.or(states) } else { States::default() };
        let layers = self.layers.iter().chain(outer).cloned().collect();
        let source = Source { start: Arc::clone(&self.start), states, layers };
        let (slot, in_use) = match before.filter(|before| before.slot.is_of(&source)) {
            Some(before) => (Rc::clone(&before.slot), Rc::clone(&before.in_use)),
            None => {
                let slot = handler_supervisor::start(care, source, terms).await?;
                (slot, Rc::new(InUse::new(deadline.time)))
            }
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
            in_use,
        })
    }
}

/// A factory of layers of any kind.
pub(super) fn layer_factory<L: Layer>(
    factory: impl Fn() -> L + Send + Sync + 'static,
) -> LayerFactory {
    Arc::new(move || Box::new(factory()))
}

/// Converts into a [`Route`], for [`Registry::on`](crate::Registry::on).
///
/// | type | answers |
/// |---|---|
/// | a function, plain or async | with its result; see [`FromCall`](crate::FromCall) for its arguments and [`IntoActions`](crate::IntoActions) for its results |
/// | a factory of a [`HandlerActor`](crate::HandlerActor): `Fn() -> H`, `Fn() -> Result<H, E>`, or an async function of these | with an actor on each arbiter |
/// | a [`Route`] | with that route |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "is neither a handler function, nor a factory of a `HandlerActor`, nor a `Route`",
    note = "a function is one if it is `Send + Sync + 'static`, each argument is `FromCall` (such as a \
            struct with `serde::Deserialize` that borrows nothing, `State<T>`, `Origin`, `Deadline`), \
            and its answer is `IntoActions` (such as `Actions` or `Result<Actions, E>`)",
    note = "the type of each argument of a closure has to be written: `|login: Login| …`"
)]
pub trait IntoRoute<Kind> {
    /// Returns the route; one with the defaults unless it is a route already.
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
