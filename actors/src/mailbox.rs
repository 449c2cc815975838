//! Mailbox: the way to a raw actix actor, message by message.

use tracing::Span;

use crate::{
    alarm::{Alarm, Fault},
    bulkhead::Place,
    error::{BoxError, HandlerError},
    handler::{Dispatch, Reply},
    origin::Origin,
    spop::{Actions, Message, MessageRef},
};

/// The mailbox of a raw actix actor.
pub(crate) struct Mailbox {
    recipient: actix::Recipient<Call>,
    alarm: Alarm,
}

impl Mailbox {
    pub(crate) fn new(recipient: actix::Recipient<Call>, alarm: Alarm) -> Self {
        Self { recipient, alarm }
    }
}

/// A message for a raw actix actor, registered with [`Registry::on_actor`](crate::Registry::on_actor).
///
/// An actor that panics or stops over it leaves the fallback, and its factory is asked for another
/// one. A call whose deadline passes while it waits in the mailbox is not delivered any more. The
/// panic of such an actor is printed by the panic hook of the process: it is not behind the fence.
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
    _place: Option<Place>,
}

impl actix::Message for Call {
    type Result = Result<Actions, BoxError>;
}

impl Dispatch for Mailbox {
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        origin: &Origin,
        place: Option<&Place>,
        _: &mut Actions,
    ) -> Reply {
        let message = message.to_message();
        let (origin, span) = (origin.clone(), Span::current());
        let call = Call { message, origin, span, _place: place.cloned() };
        let request = self.recipient.send(call);
        let alarm = self.alarm.clone();
        Reply::Later(Box::pin(async move {
            match request.await {
                Ok(answer) => answer.map_err(HandlerError::Failed),
                Err(_) => {
                    alarm.raise(Fault::Gone);
                    Err(HandlerError::Gone)
                }
            }
        }))
    }

    fn is_queued(&self) -> bool {
        true
    }
}
