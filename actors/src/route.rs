//! Route: from a message's name to its handler, with what is sent when the handler has no answer.

use std::{fmt, panic::AssertUnwindSafe, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr, dev::ToEnvelope};
use futures_util::FutureExt;

use crate::{
    args::FromMessage,
    cell::{Call, Cell, Mailbox},
    error::{AgentError, BoxError, HandlerError},
    fence::{self, Fenced},
    handler::{Answer, Dispatch, Function, HandlerActor, HandlerFn, Reply},
    limits::check_duration,
    origin::Origin,
    spop::{Actions, Message},
    statistics::Counters,
    throttle::Throttle,
};

type Starting = Pin<Box<dyn Future<Output = Result<Box<dyn Dispatch>, BoxError>>>>;

/// How a handler is made, and what holds for its route.
///
/// A factory is a route with the defaults; see [`Registry::on`](crate::Registry::on).
pub struct Route {
    start: Box<dyn Fn() -> Starting + Send + Sync>,
    fallback: Actions,
    deadline: Option<Duration>,
}

/// A plain or async function as a route.
///
/// An async function that needs something of its surroundings is a closure that clones it for every
/// call: `move |args| { let pool = pool.clone(); async move { … } }`. One that needs the deadline or
/// the peer is a [`HandlerActor`].
///
/// ```
/// use serde::Deserialize;
/// use spoa_actors::{Actions, Registry, Scope, handler_fn};
///
/// #[derive(Deserialize)]
/// struct Login {
///     user: String,
/// }
///
/// let registry = Registry::new()
///     .on("login", handler_fn(|login: Login| {
///         Actions::none().set_var(Scope::Transaction, "admin", login.user == "root")
///     }))
///     .on("wait", handler_fn(async |(): ()| {
///         tokio::task::yield_now().await;
///         Actions::none().set_var(Scope::Transaction, "waited", true)
///     }));
/// ```
pub fn handler_fn<F, Args, Kind>(function: F) -> Route
where
    F: HandlerFn<Args, Kind>,
    Args: FromMessage + 'static,
    Kind: 'static,
{
    let function = Arc::new(Function::new(function));
    Route::from_start(move || {
        let function = Arc::clone(&function);
        Box::pin(async { Ok(Box::new(function) as Box<dyn Dispatch>) })
    })
}

impl Route {
    /// A route to the handler that `factory` makes, once for every arbiter.
    pub fn new<H, F>(factory: F) -> Self
    where
        H: HandlerActor,
        F: Fn() -> H + Send + Sync + 'static,
    {
        Self::from_start(move || {
            let handler = factory();
            Box::pin(async { Ok(Box::new(Cell::start(handler).await?) as Box<dyn Dispatch>) })
        })
    }

    /// A route through the mailbox of a raw actix actor, for strict order, exclusive state across
    /// awaits, or another thread. `factory` is called once for every arbiter, and on it; it may
    /// start an actor there, or hand out clones of one address.
    pub fn actor<A, F>(factory: F) -> Self
    where
        A: Actor + actix::Handler<Call>,
        A::Context: ToEnvelope<A, Call>,
        F: Fn() -> Addr<A> + Send + Sync + 'static,
    {
        Self::from_start(move || {
            let mailbox = Mailbox::new(factory().recipient());
            Box::pin(async { Ok(Box::new(mailbox) as Box<dyn Dispatch>) })
        })
    }

    fn from_start(start: impl Fn() -> Starting + Send + Sync + 'static) -> Self {
        Self { start: Box::new(start), fallback: Actions::none(), deadline: None }
    }

    /// What is sent when the handler fails, panics or is late: none unless this is called, so that
    /// HAProxy goes on as if it had not asked.
    #[must_use]
    pub fn fallback(mut self, actions: Actions) -> Self {
        self.fallback = actions;
        self
    }

    /// How long the handler may take, instead of [`Limits::deadline`](crate::Limits::deadline).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Calls the factory and starts what it makes, behind the fence.
    async fn start_handler(&self) -> Result<Box<dyn Dispatch>, BoxError> {
        let started = AssertUnwindSafe(async { (self.start)().await }).catch_unwind().await;
        started.unwrap_or_else(|panic| Err(fence::message(&*panic).into()))
    }

    pub(crate) fn check(&self) -> Result<(), AgentError> {
        self.deadline.map_or(Ok(()), |deadline| check_duration("deadline", deadline))
    }

    /// Starts the handler on this arbiter.
    pub(crate) async fn start(
        &self,
        name: Rc<str>,
        deadline: Duration,
        counters: Rc<Counters>,
    ) -> Result<LiveRoute, BoxError> {
        Ok(LiveRoute {
            name,
            handler: self.start_handler().await?,
            fallback: self.fallback.clone(),
            deadline: self.deadline.unwrap_or(deadline),
            counters,
            log: Throttle::default(),
        })
    }
}

impl<H, F> From<F> for Route
where
    H: HandlerActor,
    F: Fn() -> H + Send + Sync + 'static,
{
    fn from(factory: F) -> Self {
        Self::new(factory)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("fallback", &self.fallback)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A route on an arbiter, its handler started.
pub(crate) struct LiveRoute {
    name: Rc<str>,
    handler: Box<dyn Dispatch>,
    fallback: Actions,
    deadline: Duration,
    counters: Rc<Counters>,
    log: Throttle,
}

impl LiveRoute {
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Hands a message to the handler, behind the fence.
    #[inline]
    pub(crate) fn call(&self, message: Message, origin: &mut Origin) -> Reply<Fenced> {
        origin.set_time(self.deadline);
        fence::call(|| self.handler.dispatch(message, origin))
    }

    /// What an answer, or the lack of one, puts into the ACK. Counts and logs it.
    #[inline]
    pub(crate) fn settle(&self, answer: Answer) -> Actions {
        match answer {
            Ok(actions) => {
                self.counters.count(|statistics| statistics.messages.answered += 1);
                actions
            }
            Err(error) => {
                fence::shield("its error was logged", || self.report(error));
                self.fallback.clone()
            }
        }
    }

    /// Counts and logs an error, and drops it.
    #[cold]
    fn report(&self, error: HandlerError) {
        self.counters.count(|statistics| {
            let outcomes = &mut statistics.messages;
            *match &error {
                HandlerError::Arguments(_) => &mut outcomes.bad_arguments,
                HandlerError::Failed(_) => &mut outcomes.failed,
                HandlerError::Panicked(_) => &mut outcomes.panicked,
                HandlerError::Late => &mut outcomes.late,
                HandlerError::Overloaded => &mut outcomes.overloaded,
                HandlerError::Oversize => &mut outcomes.oversize,
                HandlerError::Gone => &mut outcomes.gone,
            } += 1;
        });
        if let Some(unsaid) = self.log.permit() {
            tracing::warn!(
                spoe_message = &*self.name,
                fallback = %self.fallback,
                unsaid,
                "fallback sent: {error}; {}",
                advice(&error)
            );
        }
    }

    /// Ends the handler in good order.
    pub(crate) async fn stop(&self) {
        self.handler.stop().await;
    }
}

/// What to do about it.
fn advice(error: &HandlerError) -> &'static str {
    match error {
        HandlerError::Arguments(_) => {
            "compare the args of this spoe-message with the handler's type"
        }
        HandlerError::Failed(_) => "the handler says why",
        HandlerError::Panicked(_) => "this is a bug of the handler",
        HandlerError::Late => "make the handler faster, or give its route a longer deadline",
        HandlerError::Overloaded => "find out why its answers take so long, or raise in_flight",
        HandlerError::Oversize => "pass less in this spoe-message, or raise max_reassembled_size",
        HandlerError::Gone => {
            "this is a bug of the actor: it stopped, or panicked over this message"
        }
    }
}
