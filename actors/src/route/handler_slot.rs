//! Handler slot: the handler of one route on one arbiter, as its callers see it: at work, being
//! restarted, or down.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::source::Source;
use crate::{
    error::HandlerError,
    handler::{Adapter, Answer, Call, Guarded, Reply, fence},
    observe::{Instances, LayerCount},
    spop::Actions,
    supervision::{Budget, Bulkhead, Failure, FailureSignal, OnFull, Permit},
};

/// What holds for a handler, and may change while it is at work.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) concurrency: usize,
    pub(super) on_full: OnFull,
    /// How long a start may take.
    pub(super) start_timeout: Duration,
    /// How long messages wait for a restart if nobody can stand in, before they are answered by the
    /// fallback until the handler is back.
    pub(super) patience: Duration,
    pub(super) budget: Budget,
}

/// The handler of one route on one arbiter.
pub(super) struct HandlerSlot {
    state: RefCell<State>,
    /// Tells those who wait that the state is another one.
    changed: Notify,
    bulkhead: Bulkhead,
    terms: Cell<Terms>,
    /// What its instances are made from.
    source: Source,
    /// Ends what is still to start its handler.
    stopping: CancellationToken,
}

/// What a message meets.
pub(super) enum State {
    /// The handler takes messages, unless its alarm is raised: then it is about to be restarted.
    Up(Rc<Up>),
    /// The handler is being restarted: messages wait. The instance that has panicked may stand in.
    Restarting(Option<Rc<Up>>),
    /// The restart takes long: messages go to the instance that has panicked, until there is another.
    StandIn(Rc<Up>),
    /// The handler has failed too often, or takes too long to restart: messages are answered by the
    /// fallback, or go to the instance that has panicked if there is one.
    Down(Option<Rc<Up>>),
    /// The handler has ended in good order.
    Stopped,
}

/// An instance at work.
pub(super) struct Up {
    pub(super) handler: Box<dyn Adapter>,
    /// As the handler says.
    pub(super) is_queued: bool,
    pub(super) signal: FailureSignal,
}

/// A call that waits for its answer, in its place.
pub(crate) struct PendingCall {
    answer: Guarded,
    _place: Option<Permit>,
}

impl Future for PendingCall {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.answer).poll(task)
    }
}

impl HandlerSlot {
    /// A slot whose handler is still to come.
    pub(super) fn new(source: Source, terms: Terms) -> Self {
        Self {
            state: RefCell::new(State::Restarting(None)),
            changed: Notify::new(),
            bulkhead: Bulkhead::new(terms.concurrency, terms.on_full),
            terms: Cell::new(terms),
            source,
            stopping: CancellationToken::new(),
        }
    }

    /// What its instances are made from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Cancelled when its handler is not wanted any more.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether its handler is made from this, and goes on.
    pub(super) fn is_of(&self, source: &Source) -> bool {
        self.source.is_same(source) && !self.is_stopped()
    }

    /// What holds for it.
    pub(super) fn terms(&self) -> Terms {
        self.terms.get()
    }

    /// Has something else hold for it from now on: also for calls in flight, and restarts.
    pub(super) fn change(&self, terms: Terms) {
        self.terms.set(terms);
        self.bulkhead.change(terms.concurrency, terms.on_full);
    }

    /// Hands over a call, behind the fence, if the handler is at work and has room; has it wait,
    /// if it may.
    #[inline(always)]
    pub(super) fn call(
        self: &Rc<Self>,
        call: &Call<'_>,
        actions: &mut Actions,
    ) -> Reply<PendingCall> {
        match self.at_work() {
            Some(Ok(up)) if !self.bulkhead.is_full() => self.hand_over(&up, call, None, actions),
            Some(Err(error)) => Reply::Failed(error),
            _ => self.call_later(call),
        }
    }

    /// The instance at work, or why there will be none; nothing while it is restarted.
    #[inline]
    fn at_work(&self) -> Option<Result<Rc<Up>, HandlerError>> {
        match &*self.state.borrow() {
            State::Up(up) if !up.signal.is_raised() => Some(Ok(Rc::clone(up))),
            State::Up(_) | State::Restarting(_) => None,
            State::StandIn(up) | State::Down(Some(up)) => Some(Ok(Rc::clone(up))),
            State::Down(None) => Some(Err(HandlerError::CircuitOpen)),
            State::Stopped => Some(Err(HandlerError::ActorStopped)),
        }
    }

    #[inline(always)]
    fn hand_over(
        &self,
        up: &Rc<Up>,
        call: &Call<'_>,
        place: Option<Permit>,
        actions: &mut Actions,
    ) -> Reply<PendingCall> {
        let place = match place {
            None if up.is_queued => self.bulkhead.enter(),
            place => place,
        };
        // Only a call that may be queued elsewhere is copied.
        let handler = || match place.as_ref() {
            None => up.handler.call(call, actions),
            permit => up.handler.call(&call.with_permit(permit), actions),
        };
        match fence::call(&up.signal, handler) {
            Reply::Answered => Reply::Answered,
            Reply::Failed(error) => Reply::Failed(error),
            Reply::Later(answer) => {
                let place = place.or_else(|| self.bulkhead.enter());
                Reply::Later(PendingCall { answer, _place: place })
            }
        }
    }

    /// Has a call wait for room or for the restart.
    #[cold]
    fn call_later(self: &Rc<Self>, call: &Call<'_>) -> Reply<PendingCall> {
        let place = self.bulkhead.enter();
        let queued = if place.is_none() { self.bulkhead.queue() } else { None };
        if place.is_none() && queued.is_none() {
            return Reply::Failed(HandlerError::RouteFull);
        }
        let (slot, call) = (Rc::clone(self), call.to_owned());
        let answer = Box::pin(async move {
            let place = match place {
                Some(place) => Some(place),
                None => slot.wait_for_room().await?,
            };
            drop(queued);
            let up = slot.wait_for_restart().await?;
            let mut actions = Actions::new();
            match call.with(|call| slot.hand_over(&up, call, place, &mut actions)) {
                Reply::Answered => Ok(actions),
                Reply::Failed(error) => Err(error),
                Reply::Later(answer) => {
                    // Its arguments are with the handler.
                    drop(call);
                    answer.await
                }
            }
        });
        // Each call raises the alarm of its own instance.
        let answer = Guarded::new(answer, FailureSignal::unheard());
        Reply::Later(PendingCall { answer, _place: None })
    }

    /// Waits for a place, as long as there may be somebody to call.
    async fn wait_for_room(&self) -> Result<Option<Permit>, HandlerError> {
        let no_hope = async {
            loop {
                let changed = self.changed.notified();
                if let Some(Err(error)) = self.at_work() {
                    return error;
                }
                changed.await;
            }
        };
        tokio::select! {
            place = self.bulkhead.wait() => Ok(place),
            error = no_hope => Err(error),
        }
    }

    async fn wait_for_restart(&self) -> Result<Rc<Up>, HandlerError> {
        loop {
            let changed = self.changed.notified();
            if let Some(up) = self.at_work() {
                return up;
            }
            changed.await;
        }
    }

    /// Enters a state; says which one it leaves.
    pub(super) fn enter(&self, state: State) -> State {
        // The state is another one before anybody is woken, and the old one is dropped by the caller,
        // outside of the borrow: a handler may do anything in its drop.
        let left = self.state.replace(state);
        // All of them: each looks for itself whether the new state has an answer for it.
        self.changed.notify_waiters();
        left
    }

    /// Has messages wait, if the instance at work has failed: for another one, or until it stands in,
    /// unless it is gone.
    pub(super) fn leave(&self, is_gone: bool) -> Option<Rc<Up>> {
        let failed = match &*self.state.borrow() {
            State::Up(up) => Rc::clone(up),
            _ => return None,
        };
        self.enter(State::Restarting((!is_gone).then(|| Rc::clone(&failed))));
        Some(failed)
    }

    /// Has the messages that wait go to the instance that has panicked, if there is one.
    pub(super) fn stand_in(&self) {
        let failed = match &*self.state.borrow() {
            State::Restarting(Some(failed)) => Rc::clone(failed),
            _ => return,
        };
        self.enter(State::StandIn(failed));
    }

    /// Has messages wait no longer. Says whether they did, or somebody stood in.
    pub(super) fn go_down(&self) -> bool {
        let failed = match &*self.state.borrow() {
            State::Restarting(failed) => failed.clone(),
            State::StandIn(failed) => Some(Rc::clone(failed)),
            State::Up(_) | State::Down(_) | State::Stopped => return false,
        };
        self.enter(State::Down(failed));
        true
    }

    /// Whether messages wait, and nobody can stand in.
    pub(super) fn is_empty(&self) -> bool {
        matches!(*self.state.borrow(), State::Restarting(None))
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(*self.state.borrow(), State::Stopped)
    }

    /// Whether nobody answers, as far as is known, until the handler is back.
    pub(super) fn is_down(&self) -> bool {
        self.state.borrow().is_down()
    }

    /// How many calls are in flight.
    pub(super) fn concurrency(&self) -> u64 {
        self.bulkhead.taken() as u64
    }

    /// How many calls may be in flight.
    pub(super) fn concurrency_limit(&self) -> u64 {
        self.bulkhead.calls() as u64
    }

    /// What the layers around its handler did.
    pub(super) fn layer_counts(&self) -> Vec<LayerCount> {
        match &*self.state.borrow() {
            State::Up(up) | State::StandIn(up) | State::Down(Some(up)) => up.handler.layer_counts(),
            State::Restarting(_) | State::Down(None) | State::Stopped => Vec::new(),
        }
    }

    /// What its one handler is doing.
    pub(super) fn instances(&self) -> Instances {
        let mut instances = Instances::default();
        *match &*self.state.borrow() {
            State::Up(up) if !up.signal.is_raised() => &mut instances.up,
            state if state.is_down() => &mut instances.down,
            State::Up(_) | State::Restarting(_) | State::StandIn(_) | State::Down(_) => {
                &mut instances.restarting
            }
            State::Stopped => &mut instances.stopped,
        } = 1;
        instances
    }

    /// Ends the handler in good order; not one that has panicked.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        if let State::Up(up) = self.enter(State::Stopped)
            && let Err(panic) = up.handler.stop().await
        {
            up.signal.raise(Failure::Background(panic));
        }
    }
}

impl State {
    /// An instance that stands in, and answers, is not down.
    fn is_down(&self) -> bool {
        match self {
            Self::Down(failed) => {
                !failed.as_ref().is_some_and(|failed| failed.signal.has_answered())
            }
            _ => false,
        }
    }
}
