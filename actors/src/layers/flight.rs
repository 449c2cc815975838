//! Flight: one call on its way, for whose answer others wait.

use std::{cell::Cell, pin::Pin, rc::Rc};

use futures_util::future::{FutureExt, Shared, WeakShared};

use super::failed_before::FailedBefore;
use crate::{error::HandlerError, spop::Actions};

/// A call on its way. Whoever waits for it drives it: if the first is dropped, the others go on.
pub(super) type Flight = Shared<Pin<Box<dyn Future<Output = Landed>>>>;

/// A flight that nobody may wait for any more.
pub(super) type WeakFlight = WeakShared<Pin<Box<dyn Future<Output = Landed>>>>;

/// The answer to a flight, for all that wait for it.
#[derive(Clone)]
pub(super) enum Landed {
    Answered(Actions),
    Failed(SharedFailure),
}

/// An error that cannot be copied: the first who takes it has it, the others have its words.
#[derive(Clone)]
pub(super) struct SharedFailure {
    error: Rc<Cell<Option<HandlerError>>>,
    words: FailedBefore,
}

/// Has others wait for an answer.
pub(super) fn begin(answer: impl Future<Output = Landed> + 'static) -> Flight {
    let answer: Pin<Box<dyn Future<Output = Landed>>> = Box::pin(answer);
    answer.shared()
}

impl From<Result<Actions, HandlerError>> for Landed {
    fn from(answer: Result<Actions, HandlerError>) -> Self {
        match answer {
            Ok(actions) => Self::Answered(actions),
            Err(error) => {
                let words = FailedBefore::new(&error);
                Self::Failed(SharedFailure { error: Rc::new(Cell::new(Some(error))), words })
            }
        }
    }
}

impl From<Landed> for Result<Actions, HandlerError> {
    fn from(landed: Landed) -> Self {
        match landed {
            Landed::Answered(actions) => Ok(actions),
            Landed::Failed(SharedFailure { error, words }) => {
                Err(error.take().unwrap_or_else(|| words.into()))
            }
        }
    }
}
