//! Second handler: one beside that of the route.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    error::{BoxError, HandlerError},
    handler::{Adapter, Call, Reply, fence},
    log,
    route::{Route, Starting},
    spop::Actions,
    supervision::{Catch, FailureSignal},
};

/// How long it is between two starts of a handler that panics.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a restart may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The handler of a route, without anything else of it.
///
/// One that has panicked goes on with the calls until its successor has started.
pub(super) struct SecondHandler {
    start: Box<dyn Fn() -> Starting>,
    handler: RefCell<Option<Rc<dyn Adapter>>>,
    is_starting: Cell<bool>,
}

impl SecondHandler {
    pub(super) fn of(route: &Route) -> Self {
        let start = Box::new(route.start_alone());
        Self { start, handler: RefCell::default(), is_starting: Cell::default() }
    }

    /// Starts the handler.
    pub(super) async fn start(&self) -> Result<(), BoxError> {
        let handler = (self.start)().await?;
        self.handler.replace(Some(handler.into()));
        Ok(())
    }

    /// Makes the next instance after a failure; the last one goes on with the calls until then.
    async fn restart(&self) -> Result<(), BoxError> {
        let Some(failed) = self.handler.borrow().clone() else { return Ok(()) };
        let next = match failed.handover() {
            Some(handover) => handover(FailureSignal::unheard()),
            None => (self.start)().await?,
        };
        // The layer can have ended meanwhile.
        if self.handler.borrow().is_some() {
            self.handler.replace(Some(next.into()));
        } else {
            let _ = next.stop().await;
        }
        Ok(())
    }

    /// Asks the handler.
    pub(super) fn call(self: &Rc<Self>, call: &Call<'_>, actions: &mut Actions) -> Reply {
        let Some(handler) = self.handler.borrow().clone() else {
            return Reply::Failed(HandlerError::CircuitOpen);
        };
        match fence::call(&FailureSignal::unheard(), || handler.call(call, actions)) {
            Reply::Answered => Reply::Answered,
            Reply::Failed(error) => {
                self.see(&error);
                Reply::Failed(error)
            }
            Reply::Later(pending) => {
                let other = Rc::downgrade(self);
                Reply::Later(Box::pin(async move {
                    let answer = pending.await;
                    if let (Err(error), Some(other)) = (&answer, Weak::upgrade(&other)) {
                        other.see(error);
                    }
                    answer
                }))
            }
        }
    }

    /// Has a handler that has failed restarted, beside the calls.
    fn see(self: &Rc<Self>, error: &HandlerError) {
        let has_failed = matches!(error, HandlerError::Panicked(_) | HandlerError::ActorStopped);
        if has_failed && !self.is_starting.replace(true) {
            actix_rt::spawn(restart(Rc::downgrade(self)));
        }
    }

    /// Ends the handler in good order.
    pub(super) async fn stop(&self) {
        let handler = self.handler.take();
        if let Some(handler) = handler {
            // Its panic has been reported, and nothing is left that it could hurt.
            let _ = handler.stop().await;
        }
    }
}

async fn restart(other: Weak<SecondHandler>) {
    tokio::time::sleep(PAUSE).await;
    let Some(other) = other.upgrade() else { return };
    let restart = timeout(PATIENCE, Catch::new(async { other.restart().await }));
    let has_started = matches!(restart.await, Ok(Ok(Ok(()))));
    other.is_starting.set(false);
    if !has_started {
        log::warn!("a second handler does not restart: the old instance goes on; fix the handler");
    }
}
