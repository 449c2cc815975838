//! Cell: the handler of one route on one arbiter, as its callers see it: at work, being renewed, or
//! not to be asked.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::sync::Notify;

use crate::{
    alarm::Alarm,
    bulkhead::{Bulkhead, Place},
    error::HandlerError,
    fence::{self, Fenced},
    handler::{Answer, Dispatch, Reply},
    origin::Origin,
    panics::Panic,
    route_statistics::Instances,
    spop::{Actions, MessageRef},
};

/// The handler of one route on one arbiter.
pub(crate) struct Cell {
    state: RefCell<State>,
    /// Tells those who wait that the state is another one.
    changed: Notify,
    bulkhead: Bulkhead,
}

/// What a message meets.
pub(crate) enum State {
    /// The handler takes messages, unless its alarm is raised: then it is about to be renewed.
    Up(Rc<Up>),
    /// The handler is being renewed: messages wait.
    Renewing,
    /// The handler has failed too often, or is renewed for too long: messages are answered by the
    /// fallback.
    Down,
    /// The handler has ended in good order.
    Stopped,
}

/// An instance at work.
pub(crate) struct Up {
    pub(crate) handler: Box<dyn Dispatch>,
    /// As the handler says.
    pub(crate) is_queued: bool,
    pub(crate) alarm: Alarm,
}

/// A call that waits for its answer, in its place.
pub(crate) struct PendingCall {
    answer: Fenced,
    _place: Option<Place>,
}

impl Future for PendingCall {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.answer).poll(task)
    }
}

impl Cell {
    /// A cell whose handler is still to come.
    pub(crate) fn new(bulkhead: Bulkhead) -> Self {
        Self { state: RefCell::new(State::Renewing), changed: Notify::new(), bulkhead }
    }

    /// Hands over a message, behind the fence, if the handler is at work and has room; has it wait,
    /// if it may.
    #[inline(always)]
    pub(crate) fn call(
        self: &Rc<Self>,
        message: &MessageRef<'_>,
        origin: &Origin,
        actions: &mut Actions,
    ) -> Reply<PendingCall> {
        match self.at_work() {
            Some(Ok(up)) if !self.bulkhead.is_full() => {
                self.dispatch(&up, message, origin, None, actions)
            }
            Some(Err(error)) => Reply::Failed(error),
            _ => self.call_later(message, origin),
        }
    }

    /// The instance at work, or why there will be none; nothing while it is renewed.
    #[inline]
    fn at_work(&self) -> Option<Result<Rc<Up>, HandlerError>> {
        match &*self.state.borrow() {
            State::Up(up) if !up.alarm.is_raised() => Some(Ok(Rc::clone(up))),
            State::Up(_) | State::Renewing => None,
            State::Down => Some(Err(HandlerError::Down)),
            State::Stopped => Some(Err(HandlerError::Gone)),
        }
    }

    #[inline(always)]
    fn dispatch(
        &self,
        up: &Rc<Up>,
        message: &MessageRef<'_>,
        origin: &Origin,
        place: Option<Place>,
        actions: &mut Actions,
    ) -> Reply<PendingCall> {
        let place = match place {
            None if up.is_queued => self.bulkhead.enter(),
            place => place,
        };
        let dispatch = || up.handler.dispatch(message, origin, place.as_ref(), actions);
        match fence::call(&up.alarm, dispatch) {
            Reply::Answered => Reply::Answered,
            Reply::Failed(error) => Reply::Failed(error),
            Reply::Later(answer) => {
                let place = place.or_else(|| self.bulkhead.enter());
                Reply::Later(PendingCall { answer, _place: place })
            }
        }
    }

    /// Has a message wait for room or for the renewal.
    #[cold]
    fn call_later(
        self: &Rc<Self>,
        message: &MessageRef<'_>,
        origin: &Origin,
    ) -> Reply<PendingCall> {
        let place = self.bulkhead.enter();
        let queued = if place.is_none() { self.bulkhead.queue() } else { None };
        if place.is_none() && queued.is_none() {
            return Reply::Failed(HandlerError::Full);
        }
        let (cell, message, origin) = (Rc::clone(self), message.to_message(), origin.clone());
        let answer = Box::pin(async move {
            let place = match place {
                Some(place) => Some(place),
                None => cell.wait_for_room().await?,
            };
            drop(queued);
            let up = cell.wait_for_renewal().await?;
            let mut actions = Actions::none();
            match cell.dispatch(&up, &message.as_ref(), &origin, place, &mut actions) {
                Reply::Answered => Ok(actions),
                Reply::Failed(error) => Err(error),
                Reply::Later(answer) => answer.await,
            }
        });
        // Each call raises the alarm of its own instance.
        let answer = Fenced::new(answer, Alarm::unheard());
        Reply::Later(PendingCall { answer, _place: None })
    }

    /// Waits for a place, as long as there may be somebody to call.
    async fn wait_for_room(&self) -> Result<Option<Place>, HandlerError> {
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

    async fn wait_for_renewal(&self) -> Result<Rc<Up>, HandlerError> {
        loop {
            let changed = self.changed.notified();
            if let Some(up) = self.at_work() {
                return up;
            }
            changed.await;
        }
    }

    /// Enters a state; says which one it leaves.
    pub(crate) fn enter(&self, state: State) -> State {
        let left = self.state.replace(state);
        self.changed.notify_waiters();
        left
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(*self.state.borrow(), State::Stopped)
    }

    /// Whether messages are answered by the fallback until the handler is back.
    pub(crate) fn is_down(&self) -> bool {
        matches!(*self.state.borrow(), State::Down)
    }

    /// How many calls are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.bulkhead.taken() as u64
    }

    /// How many calls may be in flight.
    pub(crate) fn in_flight_limit(&self) -> u64 {
        self.bulkhead.calls() as u64
    }

    /// What its one handler is doing.
    pub(crate) fn instances(&self) -> Instances {
        let mut instances = Instances::default();
        *match &*self.state.borrow() {
            State::Up(up) if !up.alarm.is_raised() => &mut instances.up,
            State::Up(_) | State::Renewing => &mut instances.renewing,
            State::Down => &mut instances.down,
            State::Stopped => &mut instances.stopped,
        } = 1;
        instances
    }

    /// Ends the handler in good order.
    pub(crate) async fn stop(&self) -> Result<(), Panic> {
        match self.enter(State::Stopped) {
            State::Up(up) => up.handler.stop().await,
            _ => Ok(()),
        }
    }
}
