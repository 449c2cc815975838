//! Fence: turns the panics of handlers into answers, and reports them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::reply::{Answer, PendingAnswer, Reply};
use crate::{
    error::HandlerError,
    supervision::{Failure, FailureSignal, Panic, PanicGuard, panics},
};

/// Calls a handler.
#[inline(always)]
pub(crate) fn call(signal: &FailureSignal, dispatch: impl FnOnce() -> Reply) -> Reply<Guarded> {
    match panics::catch(dispatch) {
        Ok(Reply::Answered) => {
            signal.note_answer();
            Reply::Answered
        }
        Ok(Reply::Failed(error)) => Reply::Failed(noted(signal, error)),
        Ok(Reply::Later(answer)) => Reply::Later(Guarded::new(answer, signal.clone())),
        Err(panic) => Reply::Failed(panicked(signal, panic)),
    }
}

/// A returned error counts as an answer; arguments that do not match never reached the handler.
fn noted(signal: &FailureSignal, error: HandlerError) -> HandlerError {
    if let HandlerError::Failed(_) = error {
        signal.note_answer();
    }
    error
}

#[cold]
fn panicked(signal: &FailureSignal, panic: Panic) -> HandlerError {
    signal.raise(Failure::Call);
    HandlerError::Panicked(panic)
}

/// Runs code that uses a handler's error, with its `Display` and `Drop`.
pub(crate) fn shield(name: &str, work: impl FnOnce()) {
    if let Err(panic) = panics::catch(work) {
        panics::report(format_args!("the error of the handler of {name:?}"), &panic);
    }
}

/// Writes to the log where a subscriber that panics would end more than one connection.
pub(crate) fn quietly(log: impl FnOnce()) {
    // This panic cannot be logged.
    let _ = panics::catch(log);
}

/// A pending answer that is polled and dropped with panics caught.
pub(crate) struct Guarded {
    answer: PanicGuard<PendingAnswer>,
    signal: FailureSignal,
}

impl Guarded {
    pub(crate) fn new(answer: PendingAnswer, signal: FailureSignal) -> Self {
        Self { answer: PanicGuard::new(answer), signal }
    }
}

impl Future for Guarded {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Answer> {
        match panics::catch(|| self.answer.as_mut().poll(task)) {
            Ok(progress) => progress.map(|answer| match answer {
                Ok(actions) => {
                    self.signal.note_answer();
                    Ok(actions)
                }
                Err(error) => Err(noted(&self.signal, error)),
            }),
            Err(panic) => Poll::Ready(Err(panicked(&self.signal, panic))),
        }
    }
}
