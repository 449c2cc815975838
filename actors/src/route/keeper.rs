//! Keeper: starts the handler of a cell, hears its alarm, and restarts it from its factory.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    pin::{Pin, pin},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::cell::{Cell, State, Up};
use crate::{
    error::BoxError,
    handler::{Dispatch, Heir, fence},
    log,
    observe::{RouteRecord, Throttle, count},
    spop::ForeignText,
    supervision::{Alarm, Background, Budget, Bulkhead, Catch, Fault, Faults, Restarts, Verdict},
};

/// How long messages wait for a restart at most if the instance that has panicked can stand in: short, so
/// that they do not take up the room of their route.
const MOMENT: Duration = Duration::from_millis(25);

/// How a handler is started, each time from its factory.
pub(super) type Start = Arc<dyn Fn(Alarm) -> Starting + Send + Sync>;
/// A handler that is starting.
pub(super) type Starting = Pin<Box<dyn Future<Output = Result<Box<dyn Dispatch>, BoxError>>>>;

/// How a handler is kept.
pub(super) struct Care {
    pub(crate) name: Rc<str>,
    pub(super) start: Start,
    /// Whether the agent starts only if the handler does.
    pub(super) is_required: bool,
    /// How long a start may take.
    pub(super) start_timeout: Duration,
    /// How long messages wait for a restart if nobody can stand in, before they are answered by the
    /// fallback until the handler is back.
    pub(super) patience: Duration,
    pub(super) budget: Budget,
    pub(crate) record: Rc<RouteRecord>,
}

/// Who keeps the handler of one cell alive.
struct Keeper {
    care: Rc<Care>,
    cell: Weak<Cell>,
    restarts: Restarts,
    /// Whether any instance has returned an answer or an error: then the handler works.
    has_answered: bool,
    /// What the next instance takes over from the one that failed.
    heir: Option<Heir>,
    background: Rc<Background>,
    starts: Throttle,
}

/// Why a handler is to be restarted.
enum Cause {
    Fault(Fault),
    Start(String),
}

/// Starts a handler, and keeps it from then on. One that is not required may come later.
pub(crate) async fn start(care: Care, bulkhead: Bulkhead) -> Result<Rc<Cell>, BoxError> {
    let cell = Rc::new(Cell::new(bulkhead));
    let mut keeper = Keeper {
        restarts: Restarts::new(care.budget),
        background: Rc::new(Background::new(Rc::clone(&care.name), Rc::clone(&care.record))),
        care: Rc::new(care),
        cell: Rc::downgrade(&cell),
        has_answered: false,
        heir: None,
        starts: Throttle::default(),
    };
    if keeper.care.is_required {
        let faults = keeper.try_start(&cell).await?;
        actix_rt::spawn(keeper.keep(faults));
    } else {
        actix_rt::spawn(async move {
            if let Some(faults) = keeper.restart(None).await {
                keeper.keep(faults).await;
            }
        });
    }
    Ok(cell)
}

impl Keeper {
    /// Restarts the handler each time it fails, until its cell is gone or stopped.
    async fn keep(mut self, mut faults: Faults) {
        while let Ok(fault) = faults.await {
            match self.restart(Some(Cause::Fault(fault))).await {
                Some(next) => faults = next,
                None => break,
            }
        }
    }

    /// Tries until the handler is up again; nothing if its cell is gone or stopped. Messages wait for
    /// it for a moment; then the instance that has panicked stands in, or there is the fallback.
    async fn restart(&mut self, cause: Option<Cause>) -> Option<Faults> {
        let (cell, care) = (Weak::clone(&self.cell), Rc::clone(&self.care));
        let moment = MOMENT.min(care.patience / 2);
        let mut restart = pin!(self.try_until_up(cause));
        tokio::select! {
            faults = &mut restart => return faults,
            () = sleep(moment) => cell.upgrade()?.stand_in(),
        }
        tokio::select! {
            faults = &mut restart => return faults,
            () = sleep(care.patience - moment) => care.lose_patience(&*cell.upgrade()?),
        }
        restart.await
    }

    async fn try_until_up(&mut self, mut cause: Option<Cause>) -> Option<Faults> {
        loop {
            if let Some(cause) = &cause {
                let delay = self.judge(cause)?;
                if !delay.is_zero() {
                    sleep(delay).await;
                }
            }
            let cell = self.cell_at_work()?;
            match self.try_start(&cell).await {
                Ok(faults) => {
                    // The first start of one that may come later is no restart.
                    if cause.is_some() {
                        count(&self.care.record.renewed);
                    }
                    return Some(faults);
                }
                Err(error) => cause = Some(Cause::Start(self.fail_to_start(error))),
            }
        }
    }

    fn cell_at_work(&self) -> Option<Rc<Cell>> {
        self.cell.upgrade().filter(|cell| !cell.is_stopped())
    }

    /// What a failure means for the messages, and how long the next start has to wait.
    fn judge(&mut self, cause: &Cause) -> Option<Duration> {
        let cell = self.cell_at_work()?;
        let is_gone = matches!(cause, Cause::Fault(Fault::Gone));
        // One that ends before its first answer may do so at once, each time.
        let mut failed_has_answered = false;
        if let Some(failed) = cell.leave(is_gone) {
            self.heir = failed.handler.heir();
            failed_has_answered = failed.alarm.has_answered();
            self.has_answered |= failed_has_answered;
        }
        let verdict = match cause {
            // There is nobody to answer meanwhile.
            Cause::Fault(Fault::Gone) if failed_has_answered => Verdict::Restart(Duration::ZERO),
            Cause::Fault(_) if self.has_answered => {
                Verdict::Restart(self.restarts.stumble(Instant::now(), jitter()))
            }
            _ => self.restarts.fail(Instant::now(), jitter()),
        };
        Some(match verdict {
            Verdict::Restart(delay) => {
                if delay > MOMENT {
                    cell.stand_in();
                }
                delay
            }
            Verdict::GiveUp(delay) => {
                self.care.give_up(&cell, cause, delay);
                delay
            }
        })
    }

    /// Makes and starts an instance.
    async fn try_start(&mut self, cell: &Cell) -> Result<Faults, BoxError> {
        let (alarm, mut faults) = Alarm::new(Rc::clone(&self.background));
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
            Ok(fault) = &mut faults => return Err(fault.to_string().into()),
            started = timeout(limit, start) => match started {
                Ok(Ok(started)) => started?,
                Ok(Err(panic)) => return Err(format!("it panicked: {panic}").into()),
                Err(_) => return Err(format!("it has not started within {limit:?}").into()),
            }
        };
        let alarm = if handler.is_renewable() { alarm } else { Alarm::unheard() };
        let up = Up { is_queued: handler.is_queued(), handler, alarm };
        match cell.enter(State::Up(Rc::new(up))) {
            // Nobody waits for its end any more.
            State::Stopped => cell.stop().await,
            State::Down(failed) => {
                self.note_answers(failed);
                fence::quietly(|| {
                    tracing::info!(spoe_message = &*self.care.name, "the handler is back");
                });
            }
            State::Restarting(failed) => self.note_answers(failed),
            State::StandIn(failed) => self.note_answers(Some(failed)),
            State::Up(_) => {}
        }
        Ok(faults)
    }

    /// What stood in may have been the first to answer.
    fn note_answers(&mut self, failed: Option<Rc<Up>>) {
        self.has_answered |= failed.is_some_and(|failed| failed.alarm.has_answered());
    }

    /// Counts and logs a start that has failed, and drops its error.
    fn fail_to_start(&self, error: BoxError) -> String {
        let name = &*self.care.name;
        count(&self.care.record.starts_failed);
        let mut cause = "it could not start".to_owned();
        fence::shield(name, || {
            cause = format!("{cause}: {}", ForeignText::of(&error));
            drop(error);
        });
        if let Some(unsaid) = self.starts.permit() {
            fence::quietly(|| {
                log::error!(spoe_message = name, unsaid, "restarting handler: {cause}");
            });
        }
        cause
    }
}

impl Care {
    /// Restarts the handler once a window from now on, as it has failed too often.
    fn give_up(&self, cell: &Cell, cause: &Cause, delay: Duration) {
        if cell.go_down() {
            count(&self.record.given_up);
        }
        fence::quietly(|| {
            log::error!(
                spoe_message = &*self.name,
                budget = self.budget.count,
                window = ?self.budget.window,
                "restart limit reached: {cause}; the next attempt is in {delay:.1?}; fix the handler, \
                 or give its route more restarts"
            );
        });
    }

    /// Has the fallback sent at once, as the restart takes too long and nobody stands in.
    fn lose_patience(&self, cell: &Cell) {
        if !cell.is_empty() {
            return;
        }
        cell.go_down();
        count(&self.record.given_up);
        fence::quietly(|| {
            log::error!(
                spoe_message = &*self.name,
                "the handler has not come back within {:?}: its fallback is sent at once until it \
                 has; find out why it takes long to start",
                self.patience
            );
        });
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Start(cause) => f.write_str(cause),
        }
    }
}

/// Between 0 and 1, and never twice the same.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(());
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}
