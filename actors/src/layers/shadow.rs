//! Shadow: another handler is asked too, and its answer is compared and never sent.

use std::{cell::Cell, fmt, rc::Rc, time::Duration};

use async_trait::async_trait;

use super::second_handler::SecondHandler;
use crate::{
    error::{BoxError, HandlerError},
    handler::{Call, OwnedCall, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, count},
    route::IntoRoute,
    spop::Actions,
};

/// Asks another handler about the same calls, after the first one has answered, and compares the answers.
///
/// The answer that is sent is always that of the route's handler, and the other one delays it by nothing: it
/// is asked on a copy, beside the calls, and dropped when it takes too long. If too many copies are on their
/// way, further ones are dropped. A handler that computes for long without `.await` still keeps its arbiter
/// busy: have it answer on threads of its own, with [`Route::blocking`](crate::Route::blocking).
///
/// ```
/// use spoa_actors::{Actions, Registry, Route, Var, layers::Shadow};
///
/// const SCORE: Var = Var::session("score");
///
/// let current = Route::new(|| Actions::new().set(SCORE, 50))
///     .layer(|| Shadow::of(|| Actions::new().set(SCORE, 60)));
/// let registry = Registry::new().on("score-user", current);
/// ```
///
/// It counts `same`, `different` (another answer), `failed` (an error, a panic or no answer in time) and
/// `dropped` (not asked).
pub struct Shadow {
    state: Rc<State>,
}

struct State {
    other: Rc<SecondHandler>,
    at_once: usize,
    patience: Duration,
    running: Cell<usize>,
    same: Cell<u64>,
    different: Cell<u64>,
    failed: Cell<u64>,
    dropped: Cell<u64>,
}

impl Shadow {
    /// Asks the handler of this route, of which nothing else is used, about 64 calls at a time, on each
    /// arbiter, and for up to a second each.
    #[must_use]
    pub fn of<Kind>(route: impl IntoRoute<Kind>) -> Self {
        let state = State {
            other: Rc::new(SecondHandler::of(&route.into_route())),
            at_once: 64,
            patience: Duration::from_secs(1),
            running: Cell::default(),
            same: Cell::default(),
            different: Cell::default(),
            failed: Cell::default(),
            dropped: Cell::default(),
        };
        Self { state: Rc::new(state) }
    }

    /// How many copies can be on their way.
    #[must_use]
    pub fn at_once(self, copies: usize) -> Self {
        self.with(|state| state.at_once = copies)
    }

    /// How long the other handler may take.
    #[must_use]
    pub fn patience(self, time: Duration) -> Self {
        self.with(|state| state.patience = time)
    }

    fn with(mut self, change: impl FnOnce(&mut State)) -> Self {
        if let Some(state) = Rc::get_mut(&mut self.state) {
            change(state);
        }
        self
    }
}

#[async_trait(?Send)]
impl Layer for Shadow {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let Some(copy) = Copy::of(call, &self.state) else { return next.call(call, actions) };
        let mut answer = Actions::new();
        match next.call(call, &mut answer) {
            Reply::Answered => {
                actions.append_all(&answer);
                copy.compare_with(answer);
                Reply::Answered
            }
            Reply::Failed(error) => Reply::Failed(error),
            Reply::Later(pending) => Reply::Later(Box::pin(async move {
                let answer = pending.await?;
                copy.compare_with(answer.clone());
                Ok(answer)
            })),
        }
    }

    async fn started(&self) -> Result<(), BoxError> {
        self.state.other.start().await
    }

    async fn stopping(&self) {
        self.state.other.stop().await;
    }

    fn counts(&self) -> Vec<LayerCount> {
        let state = &self.state;
        LayerCount::all(
            "shadow",
            [
                ("same", &state.same),
                ("different", &state.different),
                ("failed", &state.failed),
                ("dropped", &state.dropped),
            ],
        )
    }
}

/// The copy of a call, which takes one place among those that can be on their way.
struct Copy {
    call: OwnedCall,
    state: Rc<State>,
}

impl Copy {
    fn of(call: &Call<'_>, state: &Rc<State>) -> Option<Self> {
        if state.running.get() >= state.at_once {
            count(&state.dropped);
            return None;
        }
        state.running.set(state.running.get() + 1);
        Some(Self { call: call.to_owned(), state: Rc::clone(state) })
    }

    /// Asks the other handler, once the answer is on its way.
    fn compare_with(self, answer: Actions) {
        actix_rt::spawn(async move {
            let asked = tokio::time::timeout(self.state.patience, self.ask()).await;
            count(match asked {
                Ok(Ok(other)) if other == answer => &self.state.same,
                Ok(Ok(_)) => &self.state.different,
                Ok(Err(_)) | Err(_) => &self.state.failed,
            });
        });
    }

    async fn ask(&self) -> Result<Actions, HandlerError> {
        let mut actions = Actions::new();
        match self.call.with(|call| self.state.other.call(call, &mut actions)) {
            Reply::Answered => Ok(actions),
            Reply::Failed(error) => Err(error),
            Reply::Later(pending) => pending.await,
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.state.running.set(self.state.running.get() - 1);
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = &self.state;
        f.debug_struct("Shadow").field("at_once", &state.at_once).finish_non_exhaustive()
    }
}
