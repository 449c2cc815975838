//! Mailbox: calls a raw actix actor.

use tracing::Span;

use super::{
    call::{Call, OwnedCall},
    handler::{Adapter, Handler},
    reply::Reply,
};
use crate::{
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::{Actions, Message},
    supervision::{Failure, FailureSignal, Permit},
};

/// The mailbox of a raw actix actor.
pub(crate) struct Mailbox {
    recipient: actix::Recipient<MailboxCall>,
    signal: FailureSignal,
}

impl Mailbox {
    pub(crate) fn new(recipient: actix::Recipient<MailboxCall>, signal: FailureSignal) -> Self {
        Self { recipient, signal }
    }
}

/// A message for a raw actix actor, registered with
/// [`Registry::on_actor`](crate::Registry::on_actor).
///
/// If the actor panics or stops before it answers, the message gets the fallback, and the factory
/// makes another actor. A call whose deadline passes in the mailbox is not delivered. The process's
/// panic hook prints the panic of such an actor, because the agent does not catch it.
///
/// ```
/// use actix::{Actor, Context, Handler};
/// use spoa_actors::{Actions, BoxError, MailboxCall, Registry, Var};
///
/// const NUMBER: Var = Var::transaction("number");
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
/// impl Handler<MailboxCall> for Counter {
///     type Result = Result<Actions, BoxError>;
///
///     fn handle(&mut self, call: MailboxCall, _: &mut Context<Self>) -> Self::Result {
///         let _entered = call.span().enter();
///         self.count += 1;
///         Ok(Actions::new().set(NUMBER, self.count))
///     }
/// }
///
/// let registry = Registry::new().on_actor("number-request", || Counter::default().start());
/// ```
#[derive(Clone, Debug)]
pub struct MailboxCall {
    call: OwnedCall,
    span: Span,
    /// Held until the actor takes the call: calls in a mailbox count as in flight.
    _permit: Option<Permit>,
}

impl MailboxCall {
    /// The message, or the first of several.
    #[must_use]
    pub fn message(&self) -> &Message {
        self.call.message()
    }

    /// All messages, in the order of the NOTIFY. There is one, unless the route takes several together.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        self.call.messages()
    }

    /// Where the call comes from, and its deadline.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        self.call.origin()
    }

    /// The span of the call. Enter it, or give it to a future, to add what the actor logs. It is
    /// disabled unless the NOTIFY is sampled.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }
}

impl actix::Message for MailboxCall {
    type Result = Result<Actions, BoxError>;
}

impl Handler for Mailbox {
    fn call(&self, call: &Call<'_>, _: &mut Actions) -> Reply {
        let permit = call.permit().cloned();
        let call = MailboxCall { call: call.to_owned(), span: Span::current(), _permit: permit };
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
}

impl Adapter for Mailbox {
    fn is_queued(&self) -> bool {
        true
    }
}
