//! The chain of a message, and the handler that runs it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::de::Error;
use spoa_actors::{Actions, ArgsError, Call, Handler, HandlerError, MessageRef, Reply};

use super::{
    ack_budget::AckBudget,
    chain_names::{Place, place},
    common::{Mode, OnError},
    decides::Decides,
    decision::Decision,
    detail::Detail,
    found::Found,
    output::Output,
    step::Step,
    verdict,
    view::View,
};
use crate::{
    configuration::{Action, Fallback},
    expression::{Program, Slot, Value},
    input::Input,
};

/// A message without an argument that its chain requires.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the message has no argument `{0}`, which its chain requires")]
pub struct MissingArgument(String);

/// The handlers of a message, in order, and those of a group side by side: they do not see each other's findings.
pub struct Chain {
    pub(super) groups: Vec<Vec<Link>>,
    /// Its arguments.
    pub(super) inputs: Vec<Input>,
    /// Which of them have to be there.
    pub(super) required: Vec<usize>,
    /// How many variables all of them find.
    pub(super) count: usize,
    /// What only some verdicts have, of all chains of the file.
    pub(super) details: Vec<Detail>,
    pub(super) fallback: Option<Fallback>,
    /// How many variables did not fit into their ACK.
    pub(super) dropped: AtomicU64,
}

/// A handler in its place.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) step: Box<dyn Step>,
    /// The place of its first variable among all that are found.
    pub(super) first: usize,
    pub(super) when: Option<Program>,
    pub(super) mode: Mode,
    pub(super) on_error: OnError,
    pub(super) outputs: Vec<Output>,
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
    observed: AtomicU64,
    failed: AtomicU64,
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
    /// How often it would have decided, but only observes.
    pub observed: u64,
    /// How often it could not say, or its `when` had no value.
    pub failed: u64,
}

/// What one handler came to.
enum Outcome<'c> {
    Nothing,
    Decided(Decision<'c>),
}

impl Chain {
    /// Runs the handlers over a message, and writes the verdict and what they found.
    ///
    /// # Errors
    ///
    /// If a required argument is not there: then the message is not for this chain.
    pub fn run(
        &self,
        message: &MessageRef<'_>,
        actions: &mut Actions,
    ) -> Result<(), MissingArgument> {
        for at in &self.required {
            if self.inputs[*at].value(message).is_none() {
                return Err(MissingArgument(self.inputs[*at].name().to_owned()));
            }
        }
        let mut all: Vec<Option<Value<'_>>> = Vec::new();
        all.resize_with(self.count, || None);
        let decided = self.decide(message, &mut all);
        let mut budget = AckBudget::new();
        let own = decided.as_ref().map(|(own, by)| (own, *by));
        verdict::write(own, &self.details, actions, &mut budget);
        for link in self.groups.iter().flatten() {
            for output in &link.outputs {
                output.write(all[link.first + output.variable].as_ref(), actions, &mut budget);
            }
        }
        if budget.dropped > 0 {
            self.dropped.fetch_add(budget.dropped, Ordering::Relaxed);
        }
        Ok(())
    }

    fn decide<'c>(
        &'c self,
        message: &MessageRef<'_>,
        all: &mut [Option<Value<'c>>],
    ) -> Option<(Decision<'c>, &'c str)> {
        let mut found = Found::new();
        for group in &self.groups {
            let mut decided = None;
            for link in group {
                found.begin(link.first);
                let outcome = link.run(&View::new(*message, &self.inputs, all), &mut found);
                if let (Outcome::Decided(decision), None) = (outcome, &decided) {
                    decided = Some((decision, link.name.as_str()));
                }
            }
            found.drain_into(all);
            if decided.is_some() {
                return decided;
            }
        }
        None
    }

    /// What HAProxy gets if the chain does not answer in time; nothing if the file does not say.
    #[must_use]
    pub fn fallback(&self) -> Option<Actions> {
        let fallback = self.fallback.as_ref()?;
        let decision = Decision::new(fallback.action, &*fallback.reason).status(fallback.status);
        let (mut actions, mut budget) = (Actions::new(), AckBudget::new());
        verdict::write(Some((&decision, "fallback")), &self.details, &mut actions, &mut budget);
        Some(actions)
    }

    /// The arguments that its handlers look at.
    pub fn arguments(&self) -> impl Iterator<Item = &Input> {
        let links = || self.groups.iter().flatten();
        let is_used = move |at: usize| {
            let is_it = |slot: &Slot| matches!(place(*slot), Place::Input(own) if own == at);
            self.required.contains(&at) || links().any(|link| link.slots.iter().any(is_it))
        };
        self.inputs.iter().enumerate().filter(move |(at, _)| is_used(*at)).map(|(_, input)| input)
    }

    /// What its handlers may decide, and its fallback.
    #[must_use]
    pub fn decides(&self) -> Decides {
        let mut all = Decides::default();
        self.groups.iter().flatten().for_each(|link| all.extend(&link.decides));
        if let Some(fallback) = &self.fallback {
            all.add(fallback.action, fallback.status);
        }
        all
    }

    /// What its handlers have done, in their order.
    #[must_use]
    pub fn counts(&self) -> Vec<StepCounts> {
        self.groups.iter().flatten().map(Link::counts).collect()
    }

    /// How many variables did not fit into their ACK.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Link {
    fn run<'c>(&'c self, view: &View<'_, 'c>, found: &mut Found<'c>) -> Outcome<'c> {
        if self.mode == Mode::Off {
            return Outcome::Nothing;
        }
        match self.when.as_ref().map_or(Ok(true), |when| when.test(view)) {
            Ok(true) => {}
            Ok(false) => {
                count(&self.counts.skipped);
                return Outcome::Nothing;
            }
            Err(_) => {
                count(&self.counts.failed);
                return self.failed();
            }
        }
        count(&self.counts.run);
        let decision = match self.step.run(view, found) {
            Ok(None) => return Outcome::Nothing,
            Ok(Some(decision)) => decision,
            Err(_) => {
                count(&self.counts.failed);
                return self.failed();
            }
        };
        if self.mode == Mode::Observe {
            count(&self.counts.observed);
            return Outcome::Nothing;
        }
        count(&self.counts.decided);
        Outcome::Decided(decision)
    }

    /// What holds if the handler cannot say; one that only observes never decides.
    fn failed(&self) -> Outcome<'static> {
        let action = match self.on_error {
            OnError::Skip => return Outcome::Nothing,
            OnError::Allow => Action::Allow,
            OnError::Deny => Action::Deny,
        };
        match self.mode {
            Mode::Enforce => Outcome::Decided(Decision::new(action, "failed")),
            Mode::Observe | Mode::Off => Outcome::Nothing,
        }
    }

    fn counts(&self) -> StepCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StepCounts {
            name: self.name.clone(),
            run: of(&self.counts.run),
            skipped: of(&self.counts.skipped),
            decided: of(&self.counts.decided),
            observed: of(&self.counts.observed),
            failed: of(&self.counts.failed),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A chain on the route of its message: one chain serves all worker threads.
#[derive(Clone)]
pub struct ChainHandler(pub Arc<Chain>);

impl Handler for ChainHandler {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match self.0.run(&call.message(), actions) {
            Ok(()) => Reply::Answered,
            Err(missing) => Reply::Failed(HandlerError::Arguments(ArgsError::custom(missing))),
        }
    }
}
