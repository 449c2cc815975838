//! Reply: what comes back from calling a handler.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{error::HandlerError, spop::Actions};

/// What a handler said to a call.
pub(crate) type Answer = Result<Actions, HandlerError>;

/// An answer that is not there yet.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Result<Actions, HandlerError>>>>;

/// What comes back from calling a [`Handler`](crate::Handler).
pub enum Reply<Pending = PendingAnswer> {
    /// Its actions are in the list that was handed over with the call.
    Answered,
    /// There is no answer: the route's fallback is sent, unless a layer has something better.
    Failed(HandlerError),
    /// The answer is still to come. It is dropped if it has not come by the deadline.
    Later(Pending),
}

impl Reply {
    /// An answer that is there: it is put behind `actions`.
    ///
    /// An error can be a [`BoxError`](crate::BoxError), which the handler has returned, an
    /// [`ActionError`](crate::ActionError), an [`ArgsError`](crate::ArgsError), or the [`HandlerError`] of
    /// another handler.
    #[inline]
    pub fn now<E>(answer: Result<Actions, E>, actions: &mut Actions) -> Self
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

    /// An answer that may take its time. It is polled once, in place: an answer that is there already is
    /// put behind `actions`, and costs no further wake-up.
    pub fn later(
        answer: impl Future<Output = Result<Actions, HandlerError>> + 'static,
        actions: &mut Actions,
    ) -> Self {
        let mut answer: PendingAnswer = Box::pin(answer);
        match Self::poll_once(answer.as_mut(), actions) {
            Poll::Ready(reply) => reply,
            Poll::Pending => Self::Later(answer),
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

impl<Pending> fmt::Debug for Reply<Pending> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("Answered"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Later(_) => f.write_str("Later(_)"),
        }
    }
}
