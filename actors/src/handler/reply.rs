//! Reply: what a handler returns.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{error::HandlerError, spop::Actions};

/// The answer of a handler, or why there is none.
pub(crate) type Answer = Result<Actions, HandlerError>;

/// An answer that is still to come.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Result<Actions, HandlerError>>>>;

/// What a [`Handler`](crate::Handler) returns.
pub enum Reply<Pending = PendingAnswer> {
    /// The actions are in the list that came with the call.
    Answered,
    /// There is no answer: HAProxy receives the fallback of the route, unless a layer answers instead.
    Failed(HandlerError),
    /// The answer is still to come. The library drops it at the deadline.
    Later(Pending),
}

impl Reply {
    /// Answers at once: appends the answer to `actions`.
    ///
    /// The error can be a [`BoxError`](crate::BoxError), an [`ActionError`](crate::ActionError), an
    /// [`ArgsError`](crate::ArgsError), or the [`HandlerError`] of another handler.
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

    /// Answers when the future is ready. It is polled once, in place: an answer that is ready at once is
    /// appended to `actions`, without another wake-up.
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

    /// Polls a call once: a handler that need not wait costs no further wake-up. A pending answer
    /// is polled again with its caller's waker.
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
