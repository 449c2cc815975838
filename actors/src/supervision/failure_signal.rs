//! Failure signal: reports to the supervisor of a handler that the handler has failed, and whether
//! it has answered before.

use std::{cell::Cell, fmt, rc::Rc};

use tokio::sync::oneshot;

use super::panics::{self, Panic};
use crate::{
    log,
    observe::{RateLimit, RouteMetrics, count},
};

/// Reports the first failure of one instance.
#[derive(Clone)]
pub(crate) struct FailureSignal {
    state: Option<Rc<SignalState>>,
    part: Part,
}

/// The part of an instance that has a signal.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Handler,
    /// A handler that is the same after a restart: its answers count, and not its failures.
    Constant,
    /// The layers around the handler: their failures count, and not their answers, which they give for a
    /// handler that fails, too.
    Layers,
}

/// Receives the first failure of an instance.
pub(crate) type Failures = oneshot::Receiver<Failure>;

struct SignalState {
    is_raised: Cell<bool>,
    /// Whether a layer has failed.
    has_layers_failed: Cell<bool>,
    has_answered: Cell<bool>,
    first: Cell<Option<oneshot::Sender<Failure>>>,
    background: Rc<Background>,
}

/// How an instance failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It panicked while handling a message, which is answered and reported already.
    Call,
    /// It panicked where no message waits for it: in a task, in `stopping`, or in a call after its
    /// deadline.
    Background(Panic),
    /// It has stopped.
    Gone,
}

/// Counts and logs the background panics of a route: those of all its instances, also of replaced
/// ones.
pub(crate) struct Background {
    name: Rc<str>,
    record: Rc<RouteMetrics>,
    log: RateLimit,
}

impl FailureSignal {
    pub(crate) fn new(background: Rc<Background>) -> (Self, Failures) {
        let (first, failures) = oneshot::channel();
        let state = SignalState {
            is_raised: Cell::new(false),
            has_layers_failed: Cell::new(false),
            has_answered: Cell::new(false),
            first: Cell::new(Some(first)),
            background,
        };
        (Self { state: Some(Rc::new(state)), part: Part::Handler }, failures)
    }

    /// A signal without a receiver: for an instance that cannot be restarted.
    pub(crate) fn unheard() -> Self {
        Self { state: None, part: Part::Handler }
    }

    /// The same signal, for the layers around the handler.
    pub(crate) fn of_layers(self) -> Self {
        Self { part: Part::Layers, ..self }
    }

    /// The same signal, for a handler behind layers that no restart changes.
    pub(crate) fn of_constant(&self) -> Self {
        Self { part: Part::Constant, ..self.clone() }
    }

    /// Whether the layers are replaced with the handler.
    pub(crate) fn has_layers_failed(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.has_layers_failed.get())
    }

    /// A signal that counts and logs the background panics of the same route, and restarts nothing.
    pub(crate) fn without_restart(&self) -> Self {
        let state = self.state.as_ref().map(|state| {
            Rc::new(SignalState {
                is_raised: Cell::new(false),
                has_layers_failed: Cell::new(false),
                has_answered: Cell::new(false),
                first: Cell::new(None),
                background: Rc::clone(&state.background),
            })
        });
        Self { state, part: Part::Handler }
    }

    /// Whether the instance has failed and will be replaced.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_raised.get())
    }

    /// Records that the instance has returned an answer or an error.
    #[inline]
    pub(crate) fn note_answer(&self) {
        if let Some(state) = &self.state
            && self.part != Part::Layers
        {
            state.has_answered.set(true);
        }
    }

    /// Whether the instance has ever returned an answer or an error.
    pub(crate) fn has_answered(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.has_answered.get())
    }

    #[cold]
    pub(crate) fn raise(&self, failure: Failure) {
        let Some(state) = self.state.as_ref().filter(|_| self.part != Part::Constant) else {
            return;
        };
        if let Failure::Background(panic) = &failure {
            state.background.report(panic);
        }
        // Set before the supervisor receives the failure, which is in a later wake-up: calls of
        // this turn already see that the instance has failed.
        state.is_raised.set(true);
        if self.part == Part::Layers {
            state.has_layers_failed.set(true);
        }
        // The first failure ends the instance. Later ones are of the same instance, and their
        // routes have counted them.
        if let Some(first) = state.first.take() {
            // The receiver is dropped once the agent has stopped.
            let _ = first.send(failure);
        }
    }
}

impl Background {
    pub(crate) fn new(name: Rc<str>, record: Rc<RouteMetrics>) -> Self {
        Self { name, record, log: RateLimit::default() }
    }

    fn report(&self, panic: &Panic) {
        count(&self.record.background_panics);
        if let Some(suppressed) = self.log.permit() {
            let name = &*self.name;
            // A log subscriber that panics must not end its caller.
            let _ = panics::catch(|| {
                log::error!(
                    route = name,
                    suppressed,
                    "background panic in the handler: {panic}; fix the handler"
                );
            });
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call => f.write_str("it panicked while handling a message"),
            Self::Background(panic) => write!(f, "background panic: {panic}"),
            Self::Gone => f.write_str("it has stopped"),
        }
    }
}
