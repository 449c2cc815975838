//! Live route: a route on one arbiter, its handler started.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    alarm::Alarm,
    bulkhead::{Bulkhead, Overload, Permit},
    cell::Cell,
    error::HandlerError,
    fence::{self, Fenced},
    handler::{Answer, Reply},
    origin::Origin,
    spop::{Actions, Message, TypedData},
    statistics::Counters,
    throttle::Throttle,
};

/// A route on an arbiter.
pub(crate) struct LiveRoute {
    pub(crate) name: Rc<str>,
    pub(crate) cell: Rc<Cell>,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) fallback: Actions,
    pub(crate) deadline: Deadline,
    pub(crate) counters: Rc<Counters>,
    pub(crate) log: Throttle,
}

/// How long a message may take.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    pub(crate) time: Duration,
    /// The argument that may shorten it, in milliseconds.
    pub(crate) argument: Option<Box<str>>,
}

impl Deadline {
    /// How long this message may take.
    #[inline]
    pub(crate) fn of(&self, message: &Message) -> Duration {
        match &self.argument {
            None => self.time,
            Some(argument) => self.shortened(message, argument),
        }
    }

    fn shortened(&self, message: &Message, argument: &str) -> Duration {
        let milliseconds = match message.get(argument) {
            Some(TypedData::Int32(ms)) => i64::from(ms),
            Some(TypedData::Int64(ms)) => ms,
            Some(TypedData::Uint32(ms)) => ms.into(),
            Some(TypedData::Uint64(ms)) => i64::try_from(ms).unwrap_or(i64::MAX),
            _ => return self.time,
        };
        // A time that is over is no time.
        self.time.min(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)))
    }
}

/// A call that waits for its answer, in its place in the bulkhead.
pub(crate) struct PendingCall {
    answer: Fenced,
    _permit: Option<Permit>,
}

impl Future for PendingCall {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.answer).poll(task)
    }
}

impl LiveRoute {
    /// How long this message may take.
    #[inline]
    pub(crate) fn time_for(&self, message: &Message) -> Duration {
        self.deadline.of(message)
    }

    /// Hands a message to the handler, behind the fence, if there is room for a call.
    #[inline]
    pub(crate) fn call(&self, message: Message, origin: &Origin) -> Reply<PendingCall> {
        if self.bulkhead.is_full() {
            return self.call_without_room(message, origin);
        }
        match self.cell.call(message, origin) {
            Reply::Now(answer) => Reply::Now(answer),
            Reply::Later(answer) => {
                Reply::Later(PendingCall { answer, _permit: self.bulkhead.enter() })
            }
        }
    }

    #[cold]
    fn call_without_room(&self, message: Message, origin: &Origin) -> Reply<PendingCall> {
        if self.bulkhead.overload() == Overload::Fallback {
            return Reply::Now(Err(HandlerError::Full));
        }
        let (room, cell, origin) = (self.bulkhead.wait(), Rc::clone(&self.cell), origin.clone());
        let answer = Box::pin(async move {
            let _permit = room.await;
            match cell.call(message, &origin) {
                Reply::Now(answer) => answer,
                Reply::Later(answer) => answer.await,
            }
        });
        let answer = Fenced::new(answer, Alarm::unheard());
        Reply::Later(PendingCall { answer, _permit: None })
    }

    /// What an answer, or the lack of one, puts into the ACK. Counts and logs it.
    #[inline]
    pub(crate) fn settle(&self, answer: Answer) -> Actions {
        match answer {
            Ok(actions) => {
                self.counters.count(|statistics| statistics.messages.answered += 1);
                actions
            }
            Err(error) => {
                fence::shield("its error was logged", || self.report(error));
                self.fallback.clone()
            }
        }
    }

    /// Counts and logs an error, and drops it.
    #[cold]
    fn report(&self, error: HandlerError) {
        self.counters.count(|statistics| {
            let outcomes = &mut statistics.messages;
            *match &error {
                HandlerError::Arguments(_) => &mut outcomes.bad_arguments,
                HandlerError::Failed(_) => &mut outcomes.failed,
                HandlerError::Panicked(_) => &mut outcomes.panicked,
                HandlerError::Late => &mut outcomes.late,
                HandlerError::Overloaded => &mut outcomes.overloaded,
                HandlerError::Full => &mut outcomes.full,
                HandlerError::Down => &mut outcomes.down,
                HandlerError::Oversize => &mut outcomes.oversize,
                HandlerError::Gone => &mut outcomes.gone,
            } += 1;
        });
        if let Some(unsaid) = self.log.permit() {
            tracing::warn!(
                spoe_message = &*self.name,
                fallback = %self.fallback,
                unsaid,
                "fallback sent: {error}; {}",
                advice(&error)
            );
        }
    }

    /// Ends the handler in good order.
    pub(crate) async fn stop(&self) {
        self.cell.stop().await;
    }
}

/// What to do about it.
fn advice(error: &HandlerError) -> &'static str {
    match error {
        HandlerError::Arguments(_) => {
            "compare the args of this spoe-message with the handler's type"
        }
        HandlerError::Failed(_) => "the handler says why",
        HandlerError::Panicked(_) => "this is a bug of the handler",
        HandlerError::Late => "make the handler faster, or give its route a longer deadline",
        HandlerError::Overloaded => "find out why its answers take so long, or raise in_flight",
        HandlerError::Full => {
            "find out why its answers take so long, or give its route more calls in flight"
        }
        HandlerError::Down => "see the handler's errors before; mend it",
        HandlerError::Oversize => "pass less in this spoe-message, or raise max_reassembled_size",
        HandlerError::Gone => {
            "this is a bug of the actor: it stopped, or panicked over this message"
        }
    }
}
