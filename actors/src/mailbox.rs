//! Mailbox: the way to a raw actix actor, message by message.

use crate::{
    alarm::{Alarm, Fault},
    error::{BoxError, HandlerError},
    handler::{Dispatch, Reply},
    origin::Origin,
    spop::{Actions, Message},
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
/// An actor that panics or stops over it leaves the fallback, as does a deadline that passes while
/// the call waits in the mailbox; such a call is not delivered any more.
#[derive(Clone, Debug)]
pub struct Call {
    /// What HAProxy says.
    pub message: Message,
    /// Where it came from, and until when an answer is wanted.
    pub origin: Origin,
}

impl actix::Message for Call {
    type Result = Result<Actions, BoxError>;
}

impl Dispatch for Mailbox {
    fn dispatch(&self, message: Message, origin: &Origin) -> Reply {
        let request = self.recipient.send(Call { message, origin: origin.clone() });
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
}
