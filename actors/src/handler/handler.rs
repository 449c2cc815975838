//! Handlers: what a user implements, and the one way in which the library calls it.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;

use super::into_actions::IntoActions;
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::{Actions, MessageRef},
    supervision::{FailureSignal, Panic, Permit, Tasks},
};

/// An actor that answers the messages of one name.
///
/// Each arbiter has an instance of its own, made by the factory that was registered, so its state
/// is `Cell`, `RefCell` and `Rc`, never a lock. Calls interleave at every `.await`, hence `&self`;
/// futures never leave their arbiter, hence `?Send`.
///
/// One that panics is restarted from its factory. Messages that come meanwhile wait for the new
/// instance for up to 25 ms; if its start takes longer, the old one answers them until then, and goes on
/// with the calls that wait for an answer. What panics is logged, and not
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
///         Ok(Actions::new().set_var(Scope::Session, "ip_score", score)?)
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
    type Args: for<'a> FromMessage<'a> + 'static;

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
pub(super) type PendingAnswer = Pin<Box<dyn Future<Output = Answer>>>;

/// What comes back from calling a handler.
pub(crate) enum Reply<Pending = PendingAnswer> {
    /// Its actions are in the list that was handed over with the message.
    Answered,
    /// There is no answer, and the list is as it was.
    Failed(HandlerError),
    /// The answer is still to come.
    Later(Pending),
}

/// What makes the next instance from something that has outlived the last one.
pub(crate) type Handover = Box<dyn FnOnce(FailureSignal) -> Box<dyn Dispatch>>;

/// The one way in which a message reaches a handler of any kind.
#[async_trait(?Send)]
pub(crate) trait Dispatch {
    /// Hands over a message, and polls the handler once in place: what it answers at once is put behind
    /// `actions`. A call that is queued takes a share in its place with it.
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        origin: &Origin,
        place: Option<&Permit>,
        actions: &mut Actions,
    ) -> Reply;

    /// Whether calls are queued somewhere else, where they stay even if nobody waits any more.
    fn is_queued(&self) -> bool {
        false
    }

    /// Whether a new instance could do better than one that has panicked.
    fn is_renewable(&self) -> bool {
        true
    }

    /// What the next instance takes over from this one, which has failed.
    fn handover(&self) -> Option<Handover> {
        None
    }

    /// Ends the handler in good order.
    async fn stop(&self) -> Result<(), Panic> {
        Ok(())
    }
}

impl Reply {
    /// Puts an answer that is there behind `actions`.
    #[inline]
    pub(super) fn now<E>(answer: Result<Actions, E>, actions: &mut Actions) -> Self
    where
        E: Into<HandlerError>,
    {
        match answer {
            Ok(answer) => {
                actions.append(answer);
                Self::Answered
            }
            Err(error) => Self::Failed(error.into()),
        }
    }

    /// Polls a call once: a handler that need not wait costs no further wake-up. Whoever takes a
    /// pending answer polls it again with a waker of his own.
    #[inline]
    pub(super) fn poll_once(
        call: Pin<&mut (impl Future<Output = Answer> + ?Sized)>,
        actions: &mut Actions,
    ) -> Poll<Self> {
        let progress = call.poll(&mut Context::from_waker(Waker::noop()));
        progress.map(|answer| Self::now(answer, actions))
    }
}

/// A plain or async function as a handler: see [`handler_fn`](crate::handler_fn).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler function",
    label = "must be `Fn(Args) -> A`, plain or async, and `Send + Sync + 'static`; `A` is `IntoActions`"
)]
pub trait HandlerFn<Args, Kind>: Send + Sync + 'static {
    /// How the library calls it.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    fn call(&self, args: Args, actions: &mut Actions) -> Reply;
}

/// The kind of a function that answers at once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

/// The kind of a function that answers with a future.
#[doc(hidden)]
#[derive(Debug)]
pub struct Asynchronous;

impl<F, Args, A> HandlerFn<Args, Plain> for F
where
    F: Fn(Args) -> A + Send + Sync + 'static,
    A: IntoActions,
{
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    #[inline]
    fn call(&self, args: Args, actions: &mut Actions) -> Reply {
        Reply::now(self(args).into_actions().map_err(HandlerError::Failed), actions)
    }
}

impl<F, Args, Answers> HandlerFn<Args, Asynchronous> for F
where
    F: Fn(Args) -> Answers + Send + Sync + 'static,
    Answers: Future<Output: IntoActions> + 'static,
{
    #[allow(private_interfaces, reason = "sealed: only the library can name `Reply`")]
    fn call(&self, args: Args, actions: &mut Actions) -> Reply {
        let answer = self(args);
        let mut call: PendingAnswer =
            Box::pin(async { answer.await.into_actions().map_err(HandlerError::Failed) });
        match Reply::poll_once(call.as_mut(), actions) {
            Poll::Ready(reply) => reply,
            Poll::Pending => Reply::Later(call),
        }
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
    Args: for<'a> FromMessage<'a>,
{
    #[inline]
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        _: &Origin,
        _: Option<&Permit>,
        actions: &mut Actions,
    ) -> Reply {
        match Args::from_message(*message) {
            Ok(args) => self.function.call(args, actions),
            Err(error) => Reply::Failed(error.into()),
        }
    }

    /// A function has no state, and no factory either.
    fn is_renewable(&self) -> bool {
        false
    }
}
