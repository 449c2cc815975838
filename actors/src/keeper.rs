//! Keeper: starts the handler of a cell, hears its alarm, and renews it from its factory.

use std::{
    hash::{BuildHasher, RandomState},
    pin::{Pin, pin},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    alarm::{Alarm, Fault, Faults},
    bulkhead::Bulkhead,
    cell::{Cell, State, Up},
    error::BoxError,
    fence,
    handler::{Dispatch, Heir},
    panics::Catch,
    restarts::{Budget, Restarts, Verdict},
    route_record::{RouteRecord, count},
    throttle::Throttle,
};

/// How a handler is started, each time from its factory.
pub(crate) type Start = Arc<dyn Fn(Alarm) -> Starting + Send + Sync>;
/// A handler that is starting.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Box<dyn Dispatch>, BoxError>>>>;

/// How a handler is kept.
pub(crate) struct Care {
    pub(crate) name: Rc<str>,
    pub(crate) start: Start,
    /// Whether the agent starts only if the handler does.
    pub(crate) is_required: bool,
    /// How long a start may take.
    pub(crate) start_timeout: Duration,
    /// How long messages wait for a renewal, before they are answered by the fallback until the
    /// handler is back.
    pub(crate) patience: Duration,
    pub(crate) budget: Budget,
    pub(crate) record: Rc<RouteRecord>,
}

/// Who keeps the handler of one cell alive.
struct Keeper {
    care: Rc<Care>,
    cell: Weak<Cell>,
    restarts: Restarts,
    /// What the next instance takes over from the one that failed.
    heir: Option<Heir>,
    /// For panics beside messages, and for starts that fail: neither hides the other.
    panics: Throttle,
    starts: Throttle,
}

/// Starts a handler, and keeps it from then on. One that is not required may come later.
pub(crate) async fn start(care: Care, bulkhead: Bulkhead) -> Result<Rc<Cell>, BoxError> {
    let cell = Rc::new(Cell::new(bulkhead));
    let mut keeper = Keeper {
        restarts: Restarts::new(care.budget),
        care: Rc::new(care),
        cell: Rc::downgrade(&cell),
        heir: None,
        panics: Throttle::default(),
        starts: Throttle::default(),
    };
    if keeper.care.is_required {
        let faults = keeper.try_start(&cell).await?;
        actix_rt::spawn(keeper.keep(faults));
    } else {
        actix_rt::spawn(async move {
            if let Some(faults) = keeper.renew(None).await {
                keeper.keep(faults).await;
            }
        });
    }
    Ok(cell)
}

impl Keeper {
    /// Renews the handler each time it fails, until its cell is gone or stopped.
    async fn keep(mut self, mut faults: Faults) {
        while let Some(fault) = faults.recv().await {
            self.hear(&fault);
            self.hear_further(&mut faults);
            match self.renew(Some(fault.to_string())).await {
                Some(next) => {
                    // What the old instance said meanwhile is told, and renews nothing.
                    self.hear_further(&mut faults);
                    faults = next;
                }
                None => break,
            }
        }
    }

    fn hear_further(&self, faults: &mut Faults) {
        while let Ok(fault) = faults.try_recv() {
            self.hear(&fault);
        }
    }

    fn hear(&self, fault: &Fault) {
        if let Fault::Aside(_) = fault {
            count(&self.care.record.panics_aside);
            self.report(&self.panics, &fault.to_string());
        }
    }

    /// Tries until the handler is up again; nothing if its cell is gone or stopped. Messages wait for
    /// it as long as their patience lasts.
    async fn renew(&mut self, cause: Option<String>) -> Option<Faults> {
        let (cell, care) = (Weak::clone(&self.cell), Rc::clone(&self.care));
        let mut renewal = pin!(self.try_until_up(cause));
        tokio::select! {
            faults = &mut renewal => return faults,
            () = sleep(care.patience) => care.lose_patience(&*cell.upgrade()?),
        }
        renewal.await
    }

    async fn try_until_up(&mut self, mut cause: Option<String>) -> Option<Faults> {
        loop {
            if let Some(cause) = &cause {
                let verdict = self.restarts.fail(Instant::now(), jitter());
                let cell = self.cell.upgrade().filter(|cell| !cell.is_stopped())?;
                self.leave(&cell);
                let delay = match verdict {
                    Verdict::Renew(delay) => delay,
                    Verdict::GiveUp(delay) => {
                        self.care.give_up(&cell, cause, delay);
                        delay
                    }
                };
                drop(cell);
                if !delay.is_zero() {
                    sleep(delay).await;
                }
            }
            let cell = self.cell.upgrade().filter(|cell| !cell.is_stopped())?;
            match self.try_start(&cell).await {
                Ok(faults) => {
                    // The first start of one that may come later is no renewal.
                    if cause.is_some() {
                        count(&self.care.record.renewed);
                    }
                    return Some(faults);
                }
                Err(error) => cause = Some(self.fail_to_start(error)),
            }
        }
    }

    /// Has messages wait; those that are answered by the fallback already stay so.
    fn leave(&mut self, cell: &Cell) {
        if cell.is_down() {
            return;
        }
        if let State::Up(up) = cell.enter(State::Renewing) {
            self.heir = up.handler.heir();
        }
    }

    /// Makes and starts an instance.
    async fn try_start(&mut self, cell: &Cell) -> Result<Faults, BoxError> {
        let (alarm, mut faults) = Alarm::new();
        let heir = self.heir.take();
        let limit = self.care.start_timeout;
        let start = Catch::new(async {
            match heir {
                Some(heir) => Ok(heir(alarm.clone())),
                None => (self.care.start)(alarm.clone()).await,
            }
        });
        let handler = tokio::select! {
            biased;
            Some(fault) = faults.recv() => {
                self.hear(&fault);
                return Err(fault.to_string().into());
            }
            started = timeout(limit, start) => match started {
                Ok(Ok(started)) => started?,
                Ok(Err(panic)) => return Err(format!("it panicked: {panic}").into()),
                Err(_) => return Err(format!("it has not started within {limit:?}").into()),
            }
        };
        let alarm = if handler.is_renewable() { alarm } else { Alarm::unheard() };
        match cell.enter(State::Up(Rc::new(Up { is_queued: handler.is_queued(), handler, alarm })))
        {
            // Nobody waits for its end any more.
            State::Stopped => drop(cell.stop().await),
            State::Down => fence::quietly(|| {
                tracing::info!(spoe_message = &*self.care.name, "the handler is back");
            }),
            State::Up(_) | State::Renewing => {}
        }
        Ok(faults)
    }

    /// Counts and logs a start that has failed, and drops its error.
    fn fail_to_start(&self, error: BoxError) -> String {
        count(&self.care.record.starts_failed);
        let mut cause = "it could not start".to_owned();
        fence::shield(&self.care.name, || {
            cause = format!("{cause}: {error}");
            drop(error);
        });
        self.report(&self.starts, &cause);
        cause
    }

    fn report(&self, log: &Throttle, what: &str) {
        if let Some(unsaid) = log.permit() {
            fence::quietly(|| {
                let name = &*self.care.name;
                tracing::error!(
                    spoe_message = name,
                    unsaid,
                    "the handler is to be renewed: {what}"
                );
            });
        }
    }
}

impl Care {
    /// Has the fallback sent at once, as the handler has failed too often.
    fn give_up(&self, cell: &Cell, cause: &str, delay: Duration) {
        self.go_down(cell);
        fence::quietly(|| {
            tracing::error!(
                spoe_message = &*self.name,
                budget = self.budget.count,
                window = ?self.budget.window,
                "the handler has failed too often: {cause}; its fallback is sent at once, and it is \
                 tried again in {delay:.1?}; mend it, or give its route more restarts"
            );
        });
    }

    /// Has the fallback sent at once, as the renewal takes too long.
    fn lose_patience(&self, cell: &Cell) {
        if cell.is_down() || cell.is_stopped() {
            return;
        }
        self.go_down(cell);
        fence::quietly(|| {
            tracing::error!(
                spoe_message = &*self.name,
                "the handler has not come back within {:?}: its fallback is sent at once until it \
                 has; find out why it takes long to start",
                self.patience
            );
        });
    }

    fn go_down(&self, cell: &Cell) {
        if !cell.is_down() {
            count(&self.record.given_up);
            cell.enter(State::Down);
        }
    }
}

/// Between 0 and 1, and never twice the same.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(());
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}
