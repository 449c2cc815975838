//! Failure signal: reports to the supervisor of a handler that the handler has failed, and whether it has
//! answered before.

use std::{cell::Cell, fmt, rc::Rc};

use tokio::sync::oneshot;

use super::panics::{self, Panic};
use crate::{
    log,
    observe::{RateLimit, RouteMetrics, count},
};

/// Tells what happens to the one instance that it was made for.
#[derive(Clone)]
pub(crate) struct FailureSignal(Option<Rc<SignalState>>);

/// What an alarm tells: the first fault of its instance.
pub(crate) type Failures = oneshot::Receiver<Failure>;

struct SignalState {
    is_raised: Cell<bool>,
    has_answered: Cell<bool>,
    fault: Cell<Option<oneshot::Sender<Failure>>>,
    background: Rc<Background>,
}

/// What happened to an instance.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It panicked over a message, which is answered and reported already.
    Call,
    /// It panicked where no message waits for it: in a task, in its stop, or in a call that is late.
    Background(Panic),
    /// It has stopped.
    Gone,
}

/// Counts and logs the background panics of a route: of all its instances, those included that are
/// replaced already.
pub(crate) struct Background {
    name: Rc<str>,
    record: Rc<RouteMetrics>,
    log: RateLimit,
}

impl FailureSignal {
    pub(crate) fn new(background: Rc<Background>) -> (Self, Failures) {
        let (fault, faults) = oneshot::channel();
        let bell = SignalState {
            is_raised: Cell::new(false),
            has_answered: Cell::new(false),
            fault: Cell::new(Some(fault)),
            background,
        };
        (Self(Some(Rc::new(bell))), faults)
    }

    /// An alarm that nobody hears: for what has nothing to restart.
    pub(crate) fn unheard() -> Self {
        Self(None)
    }

    /// Whether the instance is to be replaced.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        self.0.as_ref().is_some_and(|bell| bell.is_raised.get())
    }

    /// Takes note that the instance has returned an answer or an error.
    #[inline]
    pub(crate) fn note_answer(&self) {
        if let Some(bell) = &self.0 {
            bell.has_answered.set(true);
        }
    }

    /// Whether the instance has ever returned an answer or an error.
    pub(crate) fn has_answered(&self) -> bool {
        self.0.as_ref().is_some_and(|bell| bell.has_answered.get())
    }

    #[cold]
    pub(crate) fn raise(&self, fault: Failure) {
        let Some(bell) = &self.0 else { return };
        if let Failure::Background(panic) = &fault {
            bell.background.report(panic);
        }
        // Before the supervisor hears of it, which is in a later wake-up: calls of this very turn see that
        // the instance has failed.
        bell.is_raised.set(true);
        // The first failure is the one that ends the instance. Those after it are of the same instance, and
        // were counted by their routes.
        if let Some(first) = bell.fault.take() {
            // Nobody hears it once the agent has stopped.
            let _ = first.send(fault);
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
            // A log that panics must not end who writes to it.
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
