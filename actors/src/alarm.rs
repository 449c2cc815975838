//! Alarm: tells the keeper of a handler that the handler needs to be renewed.

use std::{cell::Cell, fmt, rc::Rc};

use tokio::sync::mpsc;

use crate::panics::Panic;

/// Tells what has become of the one instance that it was made for.
#[derive(Clone)]
pub(crate) struct Alarm(Option<Rc<Bell>>);

/// What an alarm tells.
pub(crate) type Faults = mpsc::UnboundedReceiver<Fault>;

struct Bell {
    is_raised: Cell<bool>,
    faults: mpsc::UnboundedSender<Fault>,
}

/// What has become of an instance.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It panicked over a message, which is answered and reported already.
    Call,
    /// A task of it panicked, or a call that nobody waited for any more.
    Aside(Panic),
    /// It has stopped.
    Gone,
}

impl Alarm {
    pub(crate) fn new() -> (Self, Faults) {
        let (faults, heard) = mpsc::unbounded_channel();
        (Self(Some(Rc::new(Bell { is_raised: Cell::new(false), faults }))), heard)
    }

    /// An alarm that nobody hears: for what has nothing to renew.
    pub(crate) fn unheard() -> Self {
        Self(None)
    }

    /// Whether the instance is to be replaced.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        self.0.as_ref().is_some_and(|bell| bell.is_raised.get())
    }

    #[cold]
    pub(crate) fn raise(&self, fault: Fault) {
        if let Some(bell) = &self.0 {
            bell.is_raised.set(true);
            // Nobody hears it if the instance is replaced already.
            let _ = bell.faults.send(fault);
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call => f.write_str("it panicked over a message"),
            Self::Aside(panic) => write!(f, "it panicked beside its messages: {panic}"),
            Self::Gone => f.write_str("it has stopped"),
        }
    }
}
