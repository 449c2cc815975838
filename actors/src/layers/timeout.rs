//! Timeout: a call that takes too long is answered before its deadline.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    error::HandlerError,
    handler::{Call, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, count},
    spop::Actions,
};

/// Answers a call that takes too long, or has other layers see that it does.
///
/// The deadline of the route sends its fallback. A timeout before it is for a layer around it, which
/// can still do better, and for a handler whose answer is only wanted if it comes soon.
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Actions, Registry, Route, Var, layers::Timeout};
///
/// const SCORE: Var = Var::session("score");
///
/// let score = Route::new(async || Actions::new().set(SCORE, 90)).layer(|| {
///     Timeout::after(Duration::from_millis(20)).answer(Actions::new().set(SCORE, 50))
/// });
/// let registry = Registry::new().on("score-client", score);
/// ```
///
/// It counts `timed_out`.
pub struct Timeout {
    after: Duration,
    answer: Option<Actions>,
    timed_out: Rc<Cell<u64>>,
}

impl Timeout {
    /// Ends a call that has no answer after this time, with an error unless [`answer`](Self::answer) is
    /// called.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self { after: time, answer: None, timed_out: Rc::default() }
    }

    /// The answer to a call that takes too long.
    #[must_use]
    pub fn answer(mut self, actions: Actions) -> Self {
        self.answer = Some(actions);
        self
    }
}

impl Layer for Timeout {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let pending = match next.call(call, actions) {
            Reply::Later(pending) => pending,
            reply => return reply,
        };
        let patience = tokio::time::timeout(self.after, pending);
        let (answer, timed_out) = (self.answer.clone(), Rc::clone(&self.timed_out));
        Reply::Later(Box::pin(async move {
            patience.await.unwrap_or_else(|_| {
                count(&timed_out);
                answer.ok_or(HandlerError::DeadlineExceeded)
            })
        }))
    }

    fn counts(&self) -> Vec<LayerCount> {
        LayerCount::all("timeout", [("timed_out", &self.timed_out)])
    }
}
