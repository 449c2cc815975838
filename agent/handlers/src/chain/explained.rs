//! A run of a chain that shows what each handler did. It goes the same way as a run that answers HAProxy, and that
//! one pays nothing for it: what decides about a handler is asked of the same [`Link`].

use std::time::{Duration, Instant};

use spoa_actors::{Actions, MessageRef};

use super::{
    chain::Chain,
    chain_names::{Place, place},
    common::{Mode, Then},
    decision::Decision,
    found::{AllFound, Found},
    link::{Admission, Link},
    run::MissingArgument,
    step::{Late, Unanswered},
    view::View,
};
use crate::{
    configuration::Action,
    expression::{Fault, Value, Variables},
};

/// What a run came to, and how.
#[derive(Debug)]
pub struct Explained {
    /// The handlers, in their order.
    pub steps: Vec<ExplainedStep>,
    /// What HAProxy gets.
    pub actions: Actions,
}

/// What a handler did.
#[derive(Debug)]
pub struct ExplainedStep {
    /// Its name.
    pub handler: String,
    /// What it can look at, by name, as it was when the handler ran.
    pub looked_at: Vec<(String, Option<Value<'static>>)>,
    /// What it found, by its own names.
    pub found: Vec<(String, Value<'static>)>,
    /// What came of it.
    pub came_to: CameTo,
    /// How long it took, if it ran.
    pub took: Duration,
}

/// What came of a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum CameTo {
    /// It is off.
    Off,
    /// A handler before it decided.
    NotReached,
    /// It runs when the verdict is known, and leaves traces: so it did not run here.
    Last,
    /// Its `when` does not hold.
    Skipped,
    /// Its `when` has no value, and this follows from `on_error`.
    Unknown(Fault, Option<Action>),
    /// It could not say, and this follows from `on_error`.
    Failed(String, Option<Action>),
    /// It decided nothing.
    Nothing,
    /// It decided, but one of its group did so before it.
    Overruled(Decision<'static>),
    /// It decided, and the chain ended.
    Decided(Decision<'static>),
    /// It would have decided, but only observes.
    Observed(Decision<'static>),
    /// It decided, and the chain went on: `then = "continue"`.
    Continued(Decision<'static>),
}

/// How far a handler has come.
enum Ran<'c> {
    Now(CameTo, Option<Decision<'c>>),
    Late(Result<Late, Unanswered>),
}

impl Chain {
    /// Runs the handlers over a message, one after the other, and shows what each did.
    ///
    /// # Errors
    ///
    /// If a required argument is not there: then the message is not for this chain.
    pub async fn explain(&self, message: &MessageRef<'_>) -> Result<Explained, MissingArgument> {
        self.check_required(message)?;
        let mut all = AllFound::new();
        all.resize_with(self.count, || None);
        let mut decided = None;
        let mut steps = Vec::new();
        for group in &self.groups {
            if decided.is_some() {
                steps.extend(group.iter().map(|link| link.explained(CameTo::NotReached)));
                continue;
            }
            decided = self.explain_group(group, message, &mut all, &mut steps).await;
        }
        let mut actions = Actions::new();
        steps.extend(self.last.iter().map(|link| link.explained(CameTo::Last)));
        self.write(decided.as_ref(), &all, &mut actions);
        Ok(Explained { steps, actions })
    }

    async fn explain_group<'c>(
        &'c self,
        group: &'c [Link],
        message: &MessageRef<'_>,
        all: &mut AllFound<'c>,
        steps: &mut Vec<ExplainedStep>,
    ) -> Option<(Decision<'c>, &'c str)> {
        let mut found = Found::new();
        let mut ran = Vec::new();
        for link in group {
            let view = View::new(*message, &self.inputs, all);
            let mut step = link.explained(CameTo::Nothing);
            step.looked_at = self.looked_at(link, &view);
            let begun = Instant::now();
            let outcome = link.explain(&view, &mut found).await;
            step.took = begun.elapsed();
            steps.push(step);
            ran.push((link, outcome));
        }
        found.drain_into(all);
        let first = steps.len() - group.len();
        let mut decided = None;
        for ((link, outcome), step) in ran.into_iter().zip(&mut steps[first..]) {
            let (came_to, decision) = match outcome {
                Ran::Now(came_to, decision) => (came_to, decision),
                Ran::Late(answer) => link.explain_end(answer, all),
            };
            step.came_to = match came_to {
                CameTo::Decided(own) if decided.is_some() => CameTo::Overruled(own),
                came_to => came_to,
            };
            step.found = self.found_by(link, all);
            if decided.is_none() {
                decided = decision.map(|decision| (decision, link.name.as_str()));
            }
        }
        decided
    }

    fn looked_at(&self, link: &Link, view: &View<'_, '_>) -> Vec<(String, Option<Value<'static>>)> {
        let mut known = Vec::new();
        for slot in &link.slots {
            let name = match place(*slot) {
                Place::Input(at) => self.inputs.get(at).map(|input| input.name()),
                Place::Found(at) => self.variables.get(at).map(String::as_str),
            };
            let Some(name) = name else { continue };
            if known.iter().all(|(known, _)| known != name) {
                known.push((name.to_owned(), view.get(*slot).map(Value::into_owned)));
            }
        }
        known
    }

    fn found_by(&self, link: &Link, all: &AllFound<'_>) -> Vec<(String, Value<'static>)> {
        let own = self.variables.iter().zip(all).skip(link.first);
        let own = own.map_while(|(name, value)| {
            let name = name.strip_prefix(&link.name)?.strip_prefix('.')?;
            Some((name, value))
        });
        let own = own.filter_map(|(name, value)| {
            Some((name.to_owned(), value.as_ref()?.borrow().into_owned()))
        });
        own.collect()
    }
}

impl Link {
    fn explained(&self, came_to: CameTo) -> ExplainedStep {
        ExplainedStep {
            handler: self.name.clone(),
            looked_at: Vec::new(),
            found: Vec::new(),
            came_to,
            took: Duration::ZERO,
        }
    }

    async fn explain<'c>(&'c self, view: &View<'_, 'c>, found: &mut Found<'c>) -> Ran<'c> {
        match self.admission(view) {
            Admission::Off => Ran::Now(CameTo::Off, None),
            Admission::Skipped => Ran::Now(CameTo::Skipped, None),
            Admission::Unknown(fault) => {
                let decision = self.failed();
                Ran::Now(CameTo::Unknown(fault, action(decision.as_ref())), decision)
            }
            Admission::Runs => match self.step.later().map(|later| later.begin(view)) {
                Some(pending) => Ran::Late(self.bounded(pending).await),
                None => {
                    found.begin(self.first);
                    match self.step.run(view, found) {
                        Ok(decision) => {
                            Ran::Now(self.judgement(decision.as_ref()), self.judged(decision))
                        }
                        Err(fault) => {
                            let decision = self.failed();
                            let why = fault.to_string();
                            Ran::Now(CameTo::Failed(why, action(decision.as_ref())), decision)
                        }
                    }
                }
            },
        }
    }

    fn explain_end<'c>(
        &'c self,
        answer: Result<Late, Unanswered>,
        all: &mut AllFound<'c>,
    ) -> (CameTo, Option<Decision<'c>>) {
        let came_to = match &answer {
            Ok(late) => Ok(self.judgement(late.decision.as_ref())),
            Err(Unanswered(word)) => Err((*word).to_owned()),
        };
        let decision = self.end(answer, all);
        let came_to = came_to.unwrap_or_else(|why| CameTo::Failed(why, action(decision.as_ref())));
        (came_to, decision)
    }

    /// What becomes of a decision.
    fn judgement(&self, decision: Option<&Decision<'_>>) -> CameTo {
        let Some(decision) = decision.map(|own| own.clone().into_owned()) else {
            return CameTo::Nothing;
        };
        match (self.mode, self.then) {
            (Mode::Observe, _) => CameTo::Observed(decision),
            (_, Then::Continue) => CameTo::Continued(decision),
            (_, Then::Stop) => CameTo::Decided(decision),
        }
    }
}

fn action(decision: Option<&Decision<'_>>) -> Option<Action> {
    decision.map(|own| own.action)
}
