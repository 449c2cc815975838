//! Mailbox: the way to a raw actix actor, message by message.

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

/// A message for a raw actix actor, registered with [`Registry::on_actor`](crate::Registry::on_actor).
///
/// An actor that panics or stops over it leaves the fallback, and its factory is asked for another
/// one. A call whose deadline passes while it waits in the mailbox is not delivered any more. The
/// panic of such an actor is printed by the panic hook of the process: it is not behind the fence.
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
    /// Held until the actor has taken the call: what waits in a mailbox counts as in flight.
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

    /// Where the call comes from, and until when its answer is wanted.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        self.call.origin()
    }

    /// The span of the call; entered, or given to a future, it takes in what the actor logs. It is
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
