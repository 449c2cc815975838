//! The fence: a panic behind it becomes an answer.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::HandlerError,
    handler::{Answer, PendingAnswer, Reply},
};

/// Calls a handler.
#[inline]
pub(crate) fn call(dispatch: impl FnOnce() -> Reply) -> Reply<Fenced> {
    match catch_unwind(AssertUnwindSafe(dispatch)) {
        Ok(Reply::Now(answer)) => Reply::Now(answer),
        Ok(Reply::Later(answer)) => Reply::Later(Fenced { answer: Some(answer) }),
        Err(panic) => Reply::Now(Err(HandlerError::Panicked(message(&*panic)))),
    }
}

/// Does what a handler's values have a say in, such as their `Display` and `Drop`.
pub(crate) fn shield(what: &'static str, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        quietly(|| {
            tracing::error!(panic = message(&*panic), "a handler's value panicked while {what}");
        });
    }
}

/// Writes to the log where a log that panics would end more than one connection.
pub(crate) fn quietly(log: impl FnOnce()) {
    // There is no other place to complain to.
    let _ = catch_unwind(AssertUnwindSafe(log));
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// A pending answer that is polled, and dropped, behind the fence.
pub(crate) struct Fenced {
    answer: Option<PendingAnswer>,
}

impl Future for Fenced {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Answer> {
        let Some(answer) = &mut self.answer else {
            return Poll::Pending;
        };
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(task)))
            .unwrap_or_else(|panic| Poll::Ready(Err(HandlerError::Panicked(message(&*panic)))))
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        let answer = self.answer.take();
        shield("its call was dropped", || drop(answer));
    }
}
