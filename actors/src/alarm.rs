//! Alarm: tells the cell of a handler that the handler needs to be renewed.

use std::rc::Rc;

use crate::panics::Panic;

/// Tells a cell what has become of the instance that it was given to.
#[derive(Clone)]
pub(crate) struct Alarm(Option<Rc<dyn Fn(Fault)>>);

/// What has become of a handler.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It panicked over a message, which is answered and reported already.
    Call,
    /// A task of it panicked.
    Task(Panic),
    /// The raw actor has stopped.
    Gone,
}

impl Alarm {
    pub(crate) fn new(hear: impl Fn(Fault) + 'static) -> Self {
        Self(Some(Rc::new(hear)))
    }

    /// An alarm that nobody hears: for what has nothing to renew.
    pub(crate) fn unheard() -> Self {
        Self(None)
    }

    #[cold]
    pub(crate) fn raise(&self, fault: Fault) {
        if let Some(hear) = &self.0 {
            hear(fault);
        }
    }
}
