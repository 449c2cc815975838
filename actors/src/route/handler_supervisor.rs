//! Handler supervisor: starts the handler of a slot, and restarts it from its factory after a
//! failure.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    pin::pin,
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    handler_slot::{HandlerSlot, State, Terms, Up},
    source::Source,
};
use crate::{
    error::BoxError,
    handler::{Adapter, Handover, fence},
    layer::{Layered, Layers},
    log,
    observe::{RateLimit, RouteMetrics, count},
    spop::ForeignText,
    supervision::{Background, Catch, Failure, FailureSignal, Failures, Restarts, Verdict},
};

/// How long messages wait for a restart if the instance that panicked can stand in: short, so that
/// they do not use up the permits of their route.
const MOMENT: Duration = Duration::from_millis(25);

/// How a handler is supervised.
pub(super) struct SupervisionPolicy {
    pub(crate) name: Rc<str>,
    /// Whether the agent starts only if the handler starts.
    pub(super) is_required: bool,
    pub(crate) record: Rc<RouteMetrics>,
}

/// Restarts the handler of one slot.
struct HandlerSupervisor {
    policy: Rc<SupervisionPolicy>,
    slot: Weak<HandlerSlot>,
    /// Cancelled when the slot is stopped.
    stopping: CancellationToken,
    restarts: Restarts,
    /// Whether any instance has returned an answer or an error: then the handler works.
    has_answered: bool,
    /// What the next instance takes from the failed one.
    handover: Option<Handover>,
    /// The layers around it, once they have started.
    layers: Option<Layers>,
    background: Rc<Background>,
    starts: RateLimit,
}

/// Why a handler is restarted.
enum Cause {
    Failure(Failure),
    Start(String),
}

/// Starts a handler, and supervises it from then on. An optional one can start later.
pub(crate) async fn start(
    policy: SupervisionPolicy,
    source: Source,
    terms: Terms,
) -> Result<Rc<HandlerSlot>, BoxError> {
    let slot = Rc::new(HandlerSlot::new(source, terms));
    let mut keeper = HandlerSupervisor {
        restarts: Restarts::new(terms.budget),
        background: Rc::new(Background::new(Rc::clone(&policy.name), Rc::clone(&policy.record))),
        policy: Rc::new(policy),
        slot: Rc::downgrade(&slot),
        stopping: slot.stopping().clone(),
        has_answered: false,
        handover: None,
        layers: None,
        starts: RateLimit::default(),
    };
    if keeper.policy.is_required {
        let faults = keeper.try_start(&slot).await?;
        actix_rt::spawn(keeper.keep(faults));
    } else {
        actix_rt::spawn(async move {
            if let Some(faults) = keeper.restart(None).await {
                keeper.keep(faults).await;
            }
        });
    }
    Ok(slot)
}

impl HandlerSupervisor {
    /// Restarts the handler after each failure, until its slot is dropped or stopped.
    async fn keep(mut self, mut faults: Failures) {
        while let Ok(fault) = faults.await {
            match self.restart(Some(Cause::Failure(fault))).await {
                Some(next) => faults = next,
                None => break,
            }
        }
    }

    /// Tries until the handler is up; `None` if its slot is dropped or stopped. Messages wait for a
    /// moment; then the instance that panicked stands in, or they get the fallback.
    async fn restart(&mut self, cause: Option<Cause>) -> Option<Failures> {
        // Weak: the owner of the slot decides how long its handler lives.
        let (slot, policy) = (Weak::clone(&self.slot), Rc::clone(&self.policy));
        // Up to half of the patience, so that even with a short deadline the instance that stands
        // in has time to answer.
        let patience = slot.upgrade()?.terms().patience;
        let moment = MOMENT.min(patience / 2);
        let mut restart = pin!(self.try_until_up(cause));
        tokio::select! {
            faults = &mut restart => return faults,
            () = sleep(moment) => slot.upgrade()?.stand_in(),
        }
        tokio::select! {
            faults = &mut restart => return faults,
            () = sleep(patience - moment) => policy.lose_patience(&*slot.upgrade()?),
        }
        restart.await
    }

    async fn try_until_up(&mut self, mut cause: Option<Cause>) -> Option<Failures> {
        loop {
            if let Some(cause) = &cause {
                let delay = self.judge(cause)?;
                if !delay.is_zero() {
                    // A slot that is stopped is found to be so below.
                    let _ = timeout(delay, self.stopping.cancelled()).await;
                }
            }
            let slot = self.cell_at_work()?;
            match self.try_start(&slot).await {
                Ok(faults) => {
                    // The first start of an optional handler is not a restart.
                    if cause.is_some() {
                        count(&self.policy.record.restarts);
                    }
                    return Some(faults);
                }
                Err(error) => cause = Some(Cause::Start(self.fail_to_start(&slot, error)?)),
            }
        }
    }

    fn cell_at_work(&self) -> Option<Rc<HandlerSlot>> {
        self.slot.upgrade().filter(|slot| !slot.is_stopped())
    }

    /// What a failure means for the messages, and the delay before the next start.
    fn judge(&mut self, cause: &Cause) -> Option<Duration> {
        let slot = self.cell_at_work()?;
        let is_gone = matches!(cause, Cause::Failure(Failure::Gone));
        // One that ends before its first answer can do so at once, each time.
        let mut failed_has_answered = false;
        self.restarts.change(slot.terms().budget);
        if let Some(failed) = slot.leave(is_gone) {
            self.handover = failed.handler.handover();
            if failed.signal.has_layers_failed() {
                self.layers = None;
            }
            failed_has_answered = failed.signal.has_answered();
            self.has_answered |= failed_has_answered;
        }
        let verdict = match cause {
            // No instance can answer meanwhile.
            Cause::Failure(Failure::Gone) if failed_has_answered => {
                Verdict::Restart(Duration::ZERO)
            }
            Cause::Failure(_) if self.has_answered => {
                Verdict::Restart(self.restarts.stumble(Instant::now(), jitter()))
            }
            _ => self.restarts.fail(Instant::now(), jitter()),
        };
        Some(match verdict {
            Verdict::Restart(delay) => {
                if delay > MOMENT {
                    slot.stand_in();
                }
                delay
            }
            Verdict::GiveUp(delay) => {
                self.policy.give_up(&slot, cause, delay);
                delay
            }
        })
    }

    /// Makes and starts an instance.
    async fn try_start(&mut self, slot: &HandlerSlot) -> Result<Failures, BoxError> {
        let (signal, mut faults) = FailureSignal::new(Rc::clone(&self.background));
        let limit = slot.terms().start_timeout;
        let (handover, layers) = (self.handover.take(), self.layers.clone());
        let start = Catch::new(slot.source().start(handover, layers, signal.clone()));
        let (handler, layers) = tokio::select! {
            // The failure first: an instance that started and panicked in the same wake-up has not
            // started.
            biased;
            Ok(fault) = &mut faults => return Err(fault.to_string().into()),
            () = self.stopping.cancelled() => return Err("its route was removed".into()),
            started = timeout(limit, start) => match started {
                Ok(Ok(started)) => started?,
                Ok(Err(panic)) => return Err(format!("it panicked: {panic}").into()),
                Err(_) => return Err(format!("it has not started within {limit:?}").into()),
            }
        };
        self.layers = layers.clone();
        let up = Up::new(handler, layers, signal);
        match slot.enter(State::Up(Rc::new(up))) {
            // The slot no longer waits for its end.
            State::Stopped => slot.stop().await,
            State::Down(failed) => {
                self.note_answers(failed);
                fence::quietly(|| {
                    tracing::info!(route = &*self.policy.name, "handler recovered");
                });
            }
            State::Restarting(failed) => self.note_answers(failed),
            State::StandIn(failed) => self.note_answers(Some(failed)),
            State::Up(_) => {}
        }
        Ok(faults)
    }

    /// The instance that stood in can have been the first to answer.
    fn note_answers(&mut self, failed: Option<Rc<Up>>) {
        self.has_answered |= failed.is_some_and(|failed| failed.signal.has_answered());
    }

    /// Counts and logs a failed start, and drops its error. Nobody wants to know it of a slot that is
    /// stopped.
    fn fail_to_start(&self, slot: &HandlerSlot, error: BoxError) -> Option<String> {
        let name = &*self.policy.name;
        if slot.is_stopped() {
            fence::shield(name, || drop(error));
            return None;
        }
        count(&self.policy.record.starts_failed);
        let mut cause = "it could not start".to_owned();
        fence::shield(name, || {
            cause = format!("{cause}: {}", ForeignText::of(&error));
            drop(error);
        });
        if let Some(suppressed) = self.starts.permit() {
            fence::quietly(|| {
                log::error!(route = name, suppressed, "restarting handler: {cause}");
            });
        }
        Some(cause)
    }
}

impl Up {
    /// An instance that has started.
    fn new(handler: Box<dyn Adapter>, layers: Option<Layers>, signal: FailureSignal) -> Self {
        let is_queued = handler.is_queued();
        // A function that panics is the same function afterwards: a restart would change nothing,
        // and its messages would wait.
        let is_renewable = handler.is_renewable();
        match layers {
            None if is_renewable => Self { handler, is_queued, signal },
            None => Self { handler, is_queued, signal: FailureSignal::unheard() },
            Some(layers) => {
                let own = if is_renewable { signal.clone() } else { signal.of_constant() };
                let handler = Box::new(Layered::new(layers, handler, own));
                Self { handler, is_queued, signal: signal.of_layers() }
            }
        }
    }
}

impl SupervisionPolicy {
    /// Restarts the handler after one window, because it has failed too often.
    fn give_up(&self, slot: &HandlerSlot, cause: &Cause, delay: Duration) {
        if slot.go_down() {
            count(&self.record.times_down);
        }
        let budget = slot.terms().budget;
        fence::quietly(|| {
            log::error!(
                route = &*self.name,
                budget = budget.count,
                window = ?budget.window,
                "restart limit reached: {cause}; the next attempt is in {delay:.1?}; fix the handler, \
                 or give its route more restarts"
            );
        });
    }

    /// Sends the fallback at once, because the restart takes too long and no instance stands in.
    fn lose_patience(&self, slot: &HandlerSlot) {
        if !slot.is_empty() {
            return;
        }
        slot.go_down();
        count(&self.record.times_down);
        fence::quietly(|| {
            log::error!(
                route = &*self.name,
                "handler restart slow: not started within {:?}, its fallback is sent at once; \
                 find out why it takes long to start",
                slot.terms().patience
            );
        });
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(fault) => fault.fmt(f),
            Self::Start(cause) => f.write_str(cause),
        }
    }
}

/// A random number between 0 and 1.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(());
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}
