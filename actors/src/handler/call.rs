//! Call: one message, or several messages of a NOTIFY together, for a handler.

use std::{fmt, slice, time::Duration};

use tokio::time::Instant;

use crate::{
    args::{ArgsError, FromMessage},
    origin::Origin,
    spop::{Message, MessageRef},
    supervision::Permit,
};

/// What a [`Handler`](crate::Handler) answers: one message, or several messages of one NOTIFY together,
/// with their origin and deadline.
///
/// A call borrows from the frame and copies nothing. Use [`to_owned`](Self::to_owned) to keep it longer.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    subject: Subject<'a>,
    origin: &'a Origin,
    permit: Option<&'a Permit>,
}

/// What a call is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Message(&'a MessageRef<'a>),
    /// The messages of a NOTIFY that a route wants to see together, one at least.
    Notify(&'a [MessageRef<'a>]),
}

impl<'a> Subject<'a> {
    #[inline(always)]
    pub(crate) fn messages(self) -> &'a [MessageRef<'a>] {
        match self {
            Self::Message(message) => slice::from_ref(message),
            Self::Notify(messages) => messages,
        }
    }
}

impl<'a> Call<'a> {
    /// A call with one message, for the test of a handler.
    #[must_use]
    #[inline]
    pub fn new(message: &'a MessageRef<'a>, origin: &'a Origin) -> Self {
        Self::about(Subject::Message(message), origin)
    }

    #[inline(always)]
    pub(crate) fn about(subject: Subject<'a>, origin: &'a Origin) -> Self {
        Self { subject, origin, permit: None }
    }

    /// Reads the arguments: of the message, or of all messages if the route takes several together.
    ///
    /// # Errors
    ///
    /// If they do not match the type; see [`FromMessage`].
    #[inline(always)]
    pub fn args<T: FromMessage<'a>>(&self) -> Result<T, ArgsError> {
        match self.subject {
            Subject::Message(message) => T::from_message(*message),
            Subject::Notify(messages) => T::from_messages(messages),
        }
    }

    /// The message, or the first of several.
    #[must_use]
    #[inline]
    pub fn message(&self) -> MessageRef<'a> {
        match self.subject {
            Subject::Message(message) => *message,
            Subject::Notify([first, ..]) => *first,
            Subject::Notify([]) => unreachable!("no handler is called without a message"),
        }
    }

    /// All messages, in the order of the NOTIFY. There is one, unless the route takes several together.
    #[must_use]
    #[inline]
    pub fn messages(&self) -> &'a [MessageRef<'a>] {
        self.subject.messages()
    }

    /// The first message with this name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<MessageRef<'a>> {
        let name = name.as_ref();
        self.messages().iter().find(|message| message.name() == name).copied()
    }

    /// Where the call comes from, and until when its answer is wanted.
    #[must_use]
    #[inline]
    pub fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// When the fallback is sent if there is no answer.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.origin.deadline()
    }

    /// How much time is left until the deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.origin.remaining()
    }

    /// The same call, to keep: its messages are copied from the frame.
    #[must_use]
    pub fn to_owned(&self) -> OwnedCall {
        let subject = match self.subject {
            Subject::Message(message) => OwnedSubject::Message(message.to_message()),
            Subject::Notify(messages) => {
                OwnedSubject::Notify(messages.iter().map(MessageRef::to_message).collect())
            }
        };
        OwnedCall { subject, origin: self.origin.clone() }
    }

    /// The same call, with its permit of the bulkhead.
    #[inline]
    pub(crate) fn with_permit(self, permit: Option<&'a Permit>) -> Self {
        Self { permit, ..self }
    }

    /// The permit of the bulkhead: whoever queues the call elsewhere holds a share of it.
    #[inline]
    pub(crate) fn permit(&self) -> Option<&'a Permit> {
        self.permit
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("messages", &self.messages())
            .field("origin", self.origin)
            .finish_non_exhaustive()
    }
}

/// A [`Call`] that outlives the frame.
#[derive(Clone, Debug)]
pub struct OwnedCall {
    subject: OwnedSubject,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum OwnedSubject {
    Message(Message),
    Notify(Box<[Message]>),
}

impl OwnedCall {
    /// The message, or the first of several.
    #[must_use]
    pub fn message(&self) -> &Message {
        match self.messages() {
            [first, ..] => first,
            [] => unreachable!("no handler is called without a message"),
        }
    }

    /// All messages, in the order of the NOTIFY. There is one, unless the route takes several together.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        match &self.subject {
            OwnedSubject::Message(message) => slice::from_ref(message),
            OwnedSubject::Notify(messages) => messages,
        }
    }

    /// Where the call comes from, and until when its answer is wanted.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Runs `work` with the call in the form that a handler takes.
    pub fn with<T>(&self, work: impl FnOnce(&Call<'_>) -> T) -> T {
        let call = |subject| Call { subject, origin: &self.origin, permit: None };
        match &self.subject {
            OwnedSubject::Message(message) => work(&call(Subject::Message(&message.as_ref()))),
            OwnedSubject::Notify(messages) => {
                let messages: Vec<_> = messages.iter().map(Message::as_ref).collect();
                work(&call(Subject::Notify(&messages)))
            }
        }
    }
}
