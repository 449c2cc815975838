//! Live route: a route on one arbiter, its handler started.

use std::{rc::Rc, time::Duration};

use tokio::time::Instant;

use super::{
    handler_slot::{HandlerSlot, PendingCall, Terms},
    in_use::InUse,
};
use crate::{
    error::HandlerError,
    handler::{Answer, Call, Reply, Subject, fence},
    limit::{Limit, LimitNames},
    log,
    observe::{Outcome, RateLimit, RouteMetrics, RouteStatistics},
    spop::{Actions, MessageRef, TypedData},
};

/// A route on an arbiter.
pub(crate) struct LiveRoute {
    pub(crate) name: Rc<str>,
    pub(super) slot: Rc<HandlerSlot>,
    /// What holds for the handler once this route is the one that answers.
    pub(super) terms: Terms,
    pub(super) fallback: Actions,
    pub(super) deadline: Deadline,
    pub(super) is_required: bool,
    pub(crate) record: Rc<RouteMetrics>,
    pub(super) limit_names: LimitNames,
    pub(super) log: [RateLimit; Outcome::ALL.len()],
    /// Shared with the routes of other generations to the same handler.
    pub(super) in_use: Rc<InUse>,
}

/// How long a message may take.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    pub(super) time: Duration,
    /// The argument that may shorten it, in milliseconds.
    pub(super) argument: Option<Box<str>>,
}

impl Deadline {
    /// How long this message may take.
    #[inline]
    pub(super) fn of(&self, message: &MessageRef<'_>) -> Duration {
        match &self.argument {
            None => self.time,
            Some(argument) => self.shortened(message, argument),
        }
    }

    fn shortened(&self, message: &MessageRef<'_>, argument: &str) -> Duration {
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

impl LiveRoute {
    /// How long these messages may take: as long as the one that may take least.
    #[inline(always)]
    pub(crate) fn time_for(&self, subject: Subject<'_>) -> Duration {
        match subject {
            Subject::Message(message) => self.deadline.of(message),
            Subject::Notify(messages) => {
                let times = messages.iter().map(|message| self.deadline.of(message));
                times.min().unwrap_or(self.deadline.time)
            }
        }
    }

    /// Hands a call to the handler, behind the fence, if it is at work and has room for a call.
    #[inline(always)]
    pub(crate) fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply<PendingCall> {
        self.slot.call(call, actions)
    }

    /// What an answer, or the lack of one, puts into the ACK. Counts and logs it; the message was
    /// handed over at `begun`.
    pub(crate) fn settle(&self, answer: Answer, begun: Instant) -> Actions {
        match answer {
            Ok(actions) => {
                self.record.settled(Outcome::Answered, begun.elapsed());
                actions
            }
            Err(error) => self.fall_back(error, begun).clone(),
        }
    }

    /// What is sent instead of an answer. Counts and logs why; the message was handed over, or
    /// would have been, at `begun`.
    #[cold]
    pub(crate) fn fall_back(&self, error: HandlerError, begun: Instant) -> &Actions {
        self.record.settled(error.outcome(), begun.elapsed());
        fence::shield(&self.name, || self.report(error));
        &self.fallback
    }

    /// What was seen of it so far.
    pub(super) fn statistics(&self) -> RouteStatistics {
        RouteStatistics {
            route: self.name.to_string(),
            is_required: self.is_required,
            deadline: self.deadline.time,
            fallback: self.fallback.to_string(),
            concurrency: self.slot.concurrency(),
            concurrency_limit: self.slot.concurrency_limit(),
            instances: self.slot.instances(),
            layers: self.slot.layer_counts(),
            ..self.record.statistics()
        }
    }

    /// Logs an error, and drops it.
    fn report(&self, error: HandlerError) {
        let outcome = error.outcome();
        if let Some(suppressed) = self.log[outcome as usize].permit() {
            let fallback = self.fallback.to_string();
            log::warn!(
                route = &*self.name,
                outcome = outcome.label(),
                fallback = if fallback.is_empty() { "no actions" } else { &fallback },
                suppressed,
                "fallback sent: {error}; {}",
                advice(&error, self.limit_names)
            );
        }
    }
}

/// What to do about it.
fn advice(error: &HandlerError, names: LimitNames) -> String {
    let advice = match error {
        HandlerError::Arguments(_) => {
            "compare the args of this spoe-message with the handler's type"
        }
        HandlerError::Failed(_) => "fix what its error names",
        HandlerError::Panicked(_) => "fix the handler",
        HandlerError::DeadlineExceeded => {
            let deadline = names.of(Limit::Deadline);
            return format!("make the handler faster, or raise its deadline ({deadline})");
        }
        HandlerError::AgentOverloaded => {
            let [agent, connection] =
                [Limit::Messages, Limit::MessagesPerConnection].map(|limit| names.of(limit));
            return format!("look for slow handlers, or raise {agent} or {connection}");
        }
        HandlerError::RouteFull => {
            "look for the slow calls of the handler, or raise `Route::concurrency`"
        }
        HandlerError::CircuitOpen => "fix what its errors before this line name",
        HandlerError::TooLarge => {
            let size = names.of(Limit::MaxReassembledSize);
            return format!("pass less in this spoe-message, or raise {size}");
        }
        HandlerError::TooManyMessages => "list at most 1024 messages for one event or spoe-group",
        HandlerError::ActorStopped => {
            "fix the actor: it stopped, or panicked while handling this message"
        }
    };
    advice.to_owned()
}
