//! Mailbox: the way to a raw actix actor, message by message.

use tracing::Span;

use super::handler::{Dispatch, Reply};
use crate::{
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::{Actions, Message, MessageRef},
    supervision::{Failure, FailureSignal, Permit},
};

/// The mailbox of a raw actix actor.
pub(crate) struct Mailbox {
    recipient: actix::Recipient<Call>,
    signal: FailureSignal,
}

impl Mailbox {
    pub(crate) fn new(recipient: actix::Recipient<Call>, signal: FailureSignal) -> Self {
        Self { recipient, signal }
    }
}

/// A message for a raw actix actor, registered with [`Registry::on_actor`](crate::Registry::on_actor).
///
/// An actor that panics or stops over it leaves the fallback, and its factory is asked for another
/// one. A call whose deadline passes while it waits in the mailbox is not delivered any more. The
/// panic of such an actor is printed by the panic hook of the process: it is not behind the fence.
///
/// ```
/// use actix::{Actor, Context, Handler};
/// use spoa_actors::{Actions, BoxError, Call, Registry, Scope};
///
/// #[derive(Default)]
/// struct Counter {
///     count: u64,
/// }
///
/// impl Actor for Counter {
///     type Context = Context<Self>;
/// }
///
/// impl Handler<Call> for Counter {
///     type Result = Result<Actions, BoxError>;
///
///     fn handle(&mut self, call: Call, _: &mut Context<Self>) -> Self::Result {
///         let _entered = call.span.enter();
///         self.count += 1;
///         Ok(Actions::new().set_var(Scope::Transaction, "number", self.count)?)
///     }
/// }
///
/// let registry = Registry::new().on_actor("number-request", || Counter::default().start());
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    /// What HAProxy says.
    pub message: Message,
    /// Where it came from, and until when an answer is wanted.
    pub origin: Origin,
    /// The span of the call; entered, or given to a future, it takes in what the actor logs. It is
    /// disabled unless the NOTIFY is sampled.
    pub span: Span,
    /// Held until the actor has taken the call: what waits in a mailbox counts as in flight.
    _place: Option<Permit>,
}

impl actix::Message for Call {
    type Result = Result<Actions, BoxError>;
}

impl Dispatch for Mailbox {
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        origin: &Origin,
        place: Option<&Permit>,
        _: &mut Actions,
    ) -> Reply {
        let message = message.to_message();
        let (origin, span) = (origin.clone(), Span::current());
        let call = Call { message, origin, span, _place: place.cloned() };
        let request = self.recipient.send(call);
        let signal = self.signal.clone();
        Reply::Later(Box::pin(async move {
            match request.await {
                Ok(answer) => answer.map_err(HandlerError::Failed),
                Err(_) => {
                    signal.raise(Failure::Gone);
                    Err(HandlerError::ActorStopped)
                }
            }
        }))
    }

    fn is_queued(&self) -> bool {
        true
    }
}
