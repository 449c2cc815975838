//! Cell: what keeps the handler of one route on one arbiter alive.
//!
//! A handler that panics is renewed from its factory. Messages that come meanwhile wait, unless it
//! has failed too often: then they are answered by the fallback at once, and it is tried again later.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use crate::{
    alarm::{Alarm, Fault},
    error::{BoxError, HandlerError},
    fence::{self, Fenced},
    handler::{Dispatch, Reply},
    origin::Origin,
    panics::Catch,
    restarts::{Budget, Restarts, Verdict},
    spop::Message,
    statistics::Counters,
    throttle::Throttle,
};

/// How a handler is started, each time from its factory.
pub(crate) type Start = Arc<dyn Fn(Alarm) -> Starting + Send + Sync>;
/// A handler that is starting.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Box<dyn Dispatch>, BoxError>>>>;

/// How a handler is kept alive.
#[derive(Clone)]
pub(crate) struct Care {
    pub(crate) start: Start,
    /// Whether the agent starts only if the handler does.
    pub(crate) is_required: bool,
    /// How long a start may take.
    pub(crate) start_timeout: Duration,
    pub(crate) budget: Budget,
}

/// The cell of one handler.
pub(crate) struct Cell {
    name: Rc<str>,
    care: Care,
    counters: Rc<Counters>,
    inner: RefCell<Inner>,
    /// Tells those who wait for a renewal that something has changed.
    changed: Notify,
    log: Throttle,
    this: Weak<Self>,
}

struct Inner {
    state: State,
    /// Which instance counts: the alarm of one that is to be replaced already changes nothing.
    generation: u64,
    restarts: Restarts,
}

enum State {
    /// It takes messages.
    Up(Rc<Up>),
    /// It is being renewed: messages wait.
    Renewing,
    /// It has failed too often: messages are answered by the fallback.
    Down,
    /// It has ended in good order.
    Stopped,
}

/// An instance at work.
struct Up {
    handler: Box<dyn Dispatch>,
    alarm: Alarm,
}

/// What is left of an instance while it is dropped.
struct Ended;

impl Dispatch for Ended {
    fn dispatch(&self, _: Message, _: &Origin) -> Reply {
        Reply::Now(Err(HandlerError::Gone))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let handler = std::mem::replace(&mut self.handler, Box::new(Ended));
        fence::shield("it was dropped", || drop(handler));
    }
}

impl Cell {
    /// Starts the handler; one that is not required may fail, and is tried again.
    pub(crate) async fn start(
        name: Rc<str>,
        care: Care,
        counters: Rc<Counters>,
    ) -> Result<Rc<Self>, BoxError> {
        let restarts = Restarts::new(care.budget);
        let inner = Inner { state: State::Renewing, generation: 0, restarts };
        let cell = Rc::new_cyclic(|this| Self {
            name,
            care,
            counters,
            inner: RefCell::new(inner),
            changed: Notify::new(),
            log: Throttle::default(),
            this: Weak::clone(this),
        });
        match cell.try_start().await {
            Err(error) if cell.care.is_required => return Err(error),
            Err(error) => cell.fail_to_start(&error),
            Ok(()) => {}
        }
        Ok(cell)
    }

    /// Hands over a message, behind the fence.
    #[inline]
    pub(crate) fn call(self: &Rc<Self>, message: Message, origin: &Origin) -> Reply<Fenced> {
        let up = match &self.inner.borrow().state {
            State::Up(up) => Rc::clone(up),
            State::Renewing => return Reply::Later(Rc::clone(self).wait(message, origin.clone())),
            State::Down => return Reply::Now(Err(HandlerError::Down)),
            State::Stopped => return Reply::Now(Err(HandlerError::Gone)),
        };
        fence::call(&up.alarm, || up.handler.dispatch(message, origin))
    }

    /// Waits for the renewal, and hands the message over then.
    #[cold]
    fn wait(self: Rc<Self>, message: Message, origin: Origin) -> Fenced {
        let answer = Box::pin(async move {
            let changed = self.changed.notified();
            if self.is_renewing() {
                changed.await;
            }
            match self.call(message, &origin) {
                Reply::Now(answer) => answer,
                Reply::Later(answer) => answer.await,
            }
        });
        // Each call has an alarm of its own in it.
        Fenced::new(answer, Alarm::unheard())
    }

    /// Ends the handler in good order.
    pub(crate) async fn stop(&self) {
        if let State::Up(up) = self.enter(State::Stopped) {
            up.handler.stop().await;
        }
    }

    fn is_renewing(&self) -> bool {
        matches!(self.inner.borrow().state, State::Renewing)
    }

    fn is_stopped(&self) -> bool {
        matches!(self.inner.borrow().state, State::Stopped)
    }

    /// Makes and starts an instance.
    async fn try_start(&self) -> Result<(), BoxError> {
        let (generation, alarm) = self.next_generation();
        let start = Catch::new(async { (self.care.start)(alarm.clone()).await });
        let handler = match timeout(self.care.start_timeout, start).await {
            Ok(Ok(started)) => started?,
            Ok(Err(panic)) => return Err(format!("it panicked: {panic}").into()),
            Err(_) => return Err(format!("not within {:?}", self.care.start_timeout).into()),
        };
        let is_sound = self.inner.borrow().generation == generation;
        if !is_sound {
            fence::shield("it was replaced", || drop(handler));
            return Err("a task of it panicked".into());
        }
        let alarm = if handler.is_renewable() { alarm } else { Alarm::unheard() };
        match self.enter(State::Up(Rc::new(Up { handler, alarm }))) {
            State::Stopped => self.stop().await,
            State::Down => tracing::info!(spoe_message = &*self.name, "the handler is back"),
            State::Up(_) | State::Renewing => {}
        }
        Ok(())
    }

    /// Counts the next instance, and makes the alarm for it.
    fn next_generation(&self) -> (u64, Alarm) {
        let mut inner = self.inner.borrow_mut();
        inner.generation += 1;
        let generation = inner.generation;
        let this = Weak::clone(&self.this);
        let alarm = Alarm::new(move |fault| {
            if let Some(cell) = this.upgrade() {
                cell.hear(generation, &fault);
            }
        });
        (generation, alarm)
    }

    /// Hears what has become of an instance.
    fn hear(&self, generation: u64, fault: &Fault) {
        let is_at_work = {
            let mut inner = self.inner.borrow_mut();
            if inner.generation != generation {
                return;
            }
            inner.generation += 1;
            matches!(inner.state, State::Up(_))
        };
        if let Fault::Task(panic) = fault {
            self.counters.count(|statistics| statistics.tasks_panicked += 1);
            self.report(&format!("a task of it panicked: {panic}"));
        }
        // One that is still starting has its failure told by its start.
        if is_at_work {
            self.fail(match fault {
                Fault::Call => "it panicked over a message",
                Fault::Task(_) => "a task of it panicked",
                Fault::Gone => "its actor has stopped",
            });
        }
    }

    /// Has the handler renewed, as soon as its budget allows.
    fn fail(&self, cause: &str) {
        if self.is_stopped() {
            return;
        }
        let now = Instant::now();
        let verdict = self.inner.borrow_mut().restarts.fail(now, jitter());
        let (next, delay) = match verdict {
            Verdict::Renew(delay) => (State::Renewing, delay),
            Verdict::GiveUp(delay) => (State::Down, delay),
        };
        if matches!(next, State::Down) {
            self.counters.count(|statistics| statistics.handlers_given_up += 1);
            fence::quietly(|| {
                tracing::error!(
                    spoe_message = &*self.name,
                    budget = self.care.budget.count,
                    window = ?self.care.budget.window,
                    "the handler has failed too often: {cause}; its fallback is sent at once, and \
                     it is tried again in {delay:?}; mend it, or give its route more restarts"
                );
            });
        }
        self.enter(next);
        let this = Weak::clone(&self.this);
        actix_rt::spawn(async move {
            if !delay.is_zero() {
                sleep(delay).await;
            }
            if let Some(cell) = this.upgrade() {
                cell.renew().await;
            }
        });
    }

    async fn renew(&self) {
        if self.is_stopped() {
            return;
        }
        match self.try_start().await {
            Ok(()) => self.counters.count(|statistics| statistics.handlers_renewed += 1),
            Err(error) => self.fail_to_start(&error),
        }
    }

    fn fail_to_start(&self, error: &BoxError) {
        self.counters.count(|statistics| statistics.handler_starts_failed += 1);
        let mut cause = "it could not start".to_owned();
        fence::shield("its error was logged", || cause = format!("{cause}: {error}"));
        self.report(&cause);
        self.fail(&cause);
    }

    /// Enters a state; says which one it leaves.
    fn enter(&self, state: State) -> State {
        let left = std::mem::replace(&mut self.inner.borrow_mut().state, state);
        self.changed.notify_waiters();
        left
    }

    #[cold]
    fn report(&self, what: &str) {
        if let Some(unsaid) = self.log.permit() {
            fence::quietly(|| {
                tracing::error!(
                    spoe_message = &*self.name,
                    unsaid,
                    "the handler is renewed: {what}"
                );
            });
        }
    }
}

/// Between 0 and 1, and never twice the same.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(());
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}
