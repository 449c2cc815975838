//! Handlers: what a user implements, and the one way in which the library calls it.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;

use crate::{
    alarm::Alarm,
    args::FromMessage,
    bulkhead::Place,
    error::{BoxError, HandlerError},
    origin::Origin,
    panics::Panic,
    spop::{Actions, Message},
    tasks::Tasks,
};

/// An actor that answers the messages of one name.
///
/// Each arbiter has an instance of its own, made by the factory that was registered, so its state
/// is `Cell`, `RefCell` and `Rc`, never a lock. Calls interleave at every `.await`, hence `&self`;
/// futures never leave their arbiter, hence `?Send`.
///
/// One that panics is renewed from its factory; messages that come meanwhile wait for the new
/// instance, calls that wait for an answer go on with the old one. What panics is logged, and not
/// printed by the panic hook of the process: an agent that starts puts a hook of its own in front of
/// the one it finds.
///
/// ```
/// use async_trait::async_trait;
/// use serde::Deserialize;
/// use spoa_actors::{Actions, BoxError, HandlerActor, Origin, Scope};
/// use std::net::IpAddr;
///
/// #[derive(Deserialize)]
/// struct Client {
///     ip: IpAddr,
/// }
///
/// struct IpReputation;
///
/// #[async_trait(?Send)]
/// impl HandlerActor for IpReputation {
///     type Args = Client;
///
///     async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
///         let score = if client.ip.is_loopback() { 20 } else { 10 };
///         Ok(Actions::none().set_var(Scope::Session, "ip_score", score)?)
///     }
/// }
/// ```
#[async_trait(?Send)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "does not implement `HandlerActor`",
    note = "a plain or async function becomes one with `handler_fn`"
)]
pub trait HandlerActor: 'static {
    /// What the message is read into; see [`FromMessage`].
    type Args: FromMessage + 'static;

    /// Called once, before the first message: to load what the handler needs, and to start work
    /// that goes on beside the messages.
    ///
    /// It is called again for every instance that takes the place of one that has panicked.
    ///
    /// # Errors
    ///
    /// If the handler cannot work: the agent does not start then, unless the route is
    /// [optional](crate::Route::optional).
    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let _ = tasks;
        Ok(())
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// An error is an answer: the route's fallback is sent in its place, it is counted and logged,
    /// and the handler goes on.
    async fn handle(&self, args: Self::Args, origin: &Origin) -> Result<Actions, BoxError>;

    /// Called once when the agent ends in good order, after the last message; not for an instance
    /// that has panicked.
    async fn stopping(&self) {}
}

/// What a handler said to a message.
pub(crate) type Answer = Result<Actions, HandlerError>;

/// An answer that is not there yet.
pub(crate) type PendingAnswer = Pin<Box<dyn Future<Output = Answer>>>;

/// What comes back from calling a handler.
pub(crate) enum Reply<Pending = PendingAnswer> {
    Now(Answer),
    Later(Pending),
}

/// What makes the next instance from something that has outlived the last one.
pub(crate) type Heir = Box<dyn FnOnce(Alarm) -> Box<dyn Dispatch>>;

/// The one way in which a message reaches a handler of any kind.
#[async_trait(?Send)]
pub(crate) trait Dispatch {
    /// Hands over a message, and polls the handler once in place. A call that is queued takes a
    /// share in its place with it.
    fn dispatch(&self, message: Message, origin: &Origin, place: Option<&Place>) -> Reply;

    /// Whether calls are queued somewhere else, where they stay even if nobody waits any more.
    fn is_queued(&self) -> bool {
        false
    }

    /// Whether a new instance could do better than one that has panicked.
    fn is_renewable(&self) -> bool {
        true
    }

    /// What the next instance takes over from this one, which has failed.
    fn heir(&self) -> Option<Heir> {
        None
    }

    /// Ends the handler in good order.
    async fn stop(&self) -> Result<(), Panic> {
        Ok(())
    }
}

impl Reply {
    /// Polls `answer` once: a handler that need not wait costs no further wake-up.
    pub(crate) fn poll_once(answer: impl Future<Output = Answer> + 'static) -> Self {
        let mut answer: PendingAnswer = Box::pin(answer);
        // Whoever takes a pending answer polls it again with a waker of his own.
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Self::Now(answer),
            Poll::Pending => Self::Later(answer),
        }
    }
}

/// A plain or async function as a handler: see [`handler_fn`](crate::handler_fn).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler function",
    label = "must be `Fn(Args) -> Result<Actions, _>`, plain or async, and `Send + Sync + 'static`"
)]
pub trait HandlerFn<Args, Kind>: Send + Sync + 'static {
    /// How the library calls it.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    fn call(&self, args: Args) -> Reply;
}

/// The kind of a function that answers at once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

/// The kind of a function that answers with a future.
#[doc(hidden)]
#[derive(Debug)]
pub struct Asynchronous;

impl<F, Args, E> HandlerFn<Args, Plain> for F
where
    F: Fn(Args) -> Result<Actions, E> + Send + Sync + 'static,
    E: Into<BoxError>,
{
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    fn call(&self, args: Args) -> Reply {
        Reply::Now(self(args).map_err(|error| HandlerError::Failed(error.into())))
    }
}

impl<F, Args, Answers, E> HandlerFn<Args, Asynchronous> for F
where
    F: Fn(Args) -> Answers + Send + Sync + 'static,
    Answers: Future<Output = Result<Actions, E>> + 'static,
    E: Into<BoxError>,
{
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    fn call(&self, args: Args) -> Reply {
        let answer = self(args);
        Reply::poll_once(async { answer.await.map_err(|error| HandlerError::Failed(error.into())) })
    }
}

/// A function on its route.
pub(crate) struct Function<F, Args, Kind> {
    function: F,
    kind: PhantomData<fn(Args) -> Kind>,
}

impl<F, Args, Kind> Function<F, Args, Kind> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, kind: PhantomData }
    }
}

impl<F, Args, Kind> Dispatch for Arc<Function<F, Args, Kind>>
where
    F: HandlerFn<Args, Kind>,
    Args: FromMessage,
{
    fn dispatch(&self, message: Message, _: &Origin, _: Option<&Place>) -> Reply {
        match Args::from_message(message) {
            Ok(args) => self.function.call(args),
            Err(error) => Reply::Now(Err(error.into())),
        }
    }

    /// A function has no state, and no factory either.
    fn is_renewable(&self) -> bool {
        false
    }
}
