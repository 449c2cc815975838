//! A handler in its place: whether it runs, what comes of it, and how often.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time;
use tracing::{Instrument, Span, field::Empty};

use super::{
    common::{Mode, OnError, Then},
    decides::Decides,
    decision::Decision,
    decision_counts::{DecisionCount, DecisionCounts},
    found::{AllFound, Found},
    output::Output,
    step::{Late, Pending, Step, Unanswered},
    view::View,
};
use crate::{
    configuration::Action,
    expression::{Fault, Program, Slot, Value},
};

/// A handler in its place.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) step: Box<dyn Step>,
    /// Whether it answers later.
    pub(super) is_later: bool,
    /// How long it has, if it answers later.
    pub(super) timeout: Option<Duration>,
    /// What a decision of it does to the chain.
    pub(super) then: Then,
    /// The place of its first variable among all that are found.
    pub(super) first: usize,
    /// The place of its variable `error` among its own.
    pub(super) error: Option<usize>,
    pub(super) when: Option<Program>,
    pub(super) mode: Mode,
    pub(super) on_error: OnError,
    pub(super) outputs: Vec<Output>,
    /// Whether `set` names them.
    pub(super) is_chosen: bool,
    pub(super) counts: Counts,
    /// What it looks at.
    pub(super) slots: Vec<Slot>,
    /// What it may decide.
    pub(super) decides: Decides,
}

#[derive(Default)]
pub(super) struct Counts {
    run: AtomicU64,
    skipped: AtomicU64,
    decided: AtomicU64,
    continued: AtomicU64,
    observed: AtomicU64,
    failed: AtomicU64,
    decisions: DecisionCounts,
}

/// What a handler of a chain has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepCounts {
    /// Its name.
    pub name: String,
    /// How often it ran.
    pub run: u64,
    /// How often its `when` did not hold.
    pub skipped: u64,
    /// How often it decided.
    pub decided: u64,
    /// How often it decided, and the chain went on all the same: `then = "continue"`.
    pub continued: u64,
    /// How often it would have decided, but only observes.
    pub observed: u64,
    /// How often it could not say, or its `when` had no value.
    pub failed: u64,
    /// What becomes of its decisions.
    pub mode: Mode,
    /// What it has decided, also where nothing became of it.
    pub decisions: Vec<DecisionCount>,
}

/// Whether a handler runs over a message.
pub(super) enum Admission {
    /// It is off.
    Off,
    /// Its `when` does not hold.
    Skipped,
    /// Its `when` has no value.
    Unknown(Fault),
    Runs,
}

/// What comes of a handler.
pub(super) enum Begun<'c> {
    /// What it decides, if it does.
    Answered(Option<Decision<'c>>),
    Waits(Pending),
}

impl Link {
    /// Runs the handler over a message, or begins to.
    pub(super) fn begin<'c>(&'c self, view: &View<'_, 'c>, found: &mut Found<'c>) -> Begun<'c> {
        match self.admission(view) {
            Admission::Runs => {}
            Admission::Off => return Begun::Answered(None),
            Admission::Skipped => {
                count(&self.counts.skipped);
                return Begun::Answered(None);
            }
            Admission::Unknown(_) => return Begun::Answered(self.failed()),
        }
        count(&self.counts.run);
        let span = self.span();
        let _entered = span.enter();
        if self.is_later
            && let Some(step) = self.step.later()
        {
            let pending = self.bounded(step.begin(view));
            return Begun::Waits(if span.is_none() {
                pending
            } else {
                seen(pending, span.clone())
            });
        }
        found.begin(self.first);
        Begun::Answered(match self.step.run(view, found) {
            Ok(decision) => {
                decision.iter().for_each(|decision| record(&span, decision));
                self.judged(decision)
            }
            Err(_) => {
                span.record("otel.status_code", "ERROR");
                self.failed()
            }
        })
    }

    /// Its span, inside of that of a call that is traced.
    fn span(&self) -> Span {
        if Span::current().is_none() {
            return Span::none();
        }
        let name = self.name.as_str();
        tracing::info_span!(
            "step",
            otel.name = name,
            handler = name,
            action = Empty,
            reason = Empty,
            otel.status_code = Empty,
        )
    }

    /// Whether it runs.
    #[inline]
    pub(super) fn admission(&self, view: &View<'_, '_>) -> Admission {
        if self.mode == Mode::Off {
            return Admission::Off;
        }
        match self.when.as_ref().map_or(Ok(true), |when| when.test(view)) {
            Ok(true) => Admission::Runs,
            Ok(false) => Admission::Skipped,
            Err(fault) => Admission::Unknown(fault),
        }
    }

    /// The same answer, not later than `timeout` says.
    pub(super) fn bounded(&self, pending: Pending) -> Pending {
        let Some(limit) = self.timeout else { return pending };
        Box::pin(async move {
            let late = |_| Err(Unanswered("timeout"));
            time::timeout(limit, pending).await.unwrap_or_else(late)
        })
    }

    /// Takes in what a handler that answers later has come to.
    pub(super) fn end<'c>(
        &'c self,
        answer: Result<Late, Unanswered>,
        all: &mut AllFound<'c>,
    ) -> Option<Decision<'c>> {
        let mut set = |variable: usize, value| {
            if let Some(slot) = all.get_mut(self.first + variable) {
                *slot = Some(value);
            }
        };
        match answer {
            Ok(late) => {
                late.found.into_iter().for_each(|(variable, value)| set(variable, value));
                self.judged(late.decision)
            }
            Err(Unanswered(word)) => {
                if let Some(variable) = self.error {
                    set(variable, Value::text(word));
                }
                self.failed()
            }
        }
    }

    /// Whether it may decide anything but that the request goes on.
    pub(super) fn may_refuse(&self) -> bool {
        let refuses = self.decides.actions.iter().any(|action| *action != Action::Allow);
        refuses && self.mode == Mode::Enforce
    }

    /// What holds of a decision: one that only observes never decides.
    pub(super) fn judged<'c>(&self, decision: Option<Decision<'c>>) -> Option<Decision<'c>> {
        let decision = decision?;
        self.counts.decisions.add(decision.action, &decision.reason);
        if self.mode == Mode::Observe {
            count(&self.counts.observed);
            return None;
        }
        if self.then == Then::Continue {
            count(&self.counts.continued);
            return None;
        }
        count(&self.counts.decided);
        Some(decision.whole())
    }

    /// What holds if the handler cannot say; one that only observes never decides.
    pub(super) fn failed(&self) -> Option<Decision<'static>> {
        count(&self.counts.failed);
        let action = match self.on_error {
            OnError::Skip => return None,
            OnError::Allow => Action::Allow,
            OnError::Deny => Action::Deny,
        };
        self.counts.decisions.add(action, "failed");
        if self.mode == Mode::Observe {
            count(&self.counts.observed);
        }
        let holds = self.mode == Mode::Enforce && self.then == Then::Stop;
        holds.then(|| Decision::new(action, "failed"))
    }

    pub(super) fn counts(&self) -> StepCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StepCounts {
            name: self.name.clone(),
            run: of(&self.counts.run),
            skipped: of(&self.counts.skipped),
            decided: of(&self.counts.decided),
            continued: of(&self.counts.continued),
            observed: of(&self.counts.observed),
            failed: of(&self.counts.failed),
            mode: self.mode,
            decisions: self.counts.decisions.all(),
        }
    }
}

/// The same answer, in its span.
fn seen(pending: Pending, span: Span) -> Pending {
    let inside = span.clone();
    let answer = async move {
        let answer = pending.await;
        match &answer {
            Ok(late) => late.decision.iter().for_each(|decision| record(&inside, decision)),
            Err(_) => {
                inside.record("otel.status_code", "ERROR");
            }
        }
        answer
    };
    Box::pin(answer.instrument(span))
}

fn record(span: &Span, decision: &Decision<'_>) {
    span.record("action", decision.action.word());
    span.record("reason", &*decision.reason);
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
