//! A run of a chain over one message: at once as far as its handlers answer at once, then in one future.

use std::{fmt, sync::atomic::Ordering};

use futures_util::{StreamExt, stream::FuturesUnordered};
use spoa_actors::{Actions, Message, MessageRef};

use super::{
    ack_budget::AckBudget,
    chain::Chain,
    decision::Decision,
    found::{AllFound, Found},
    link::Begun,
    step::Pending,
    view::View,
};
use crate::{configuration::Action, expression::Value};

/// A message without an argument that its chain requires.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the message has no argument `{0}`, which its chain requires")]
pub struct MissingArgument(String);

/// A run that waits for a handler: what [`Chain::finish`] goes on with. The message is copied.
pub struct Waiting {
    message: Message,
    all: Vec<Option<Value<'static>>>,
    group: WaitingGroup<'static>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Handlers that run side by side, of which some are not ready.
struct WaitingGroup<'c> {
    /// Which of all groups it is.
    at: usize,
    /// Which of its handlers decided, as far as they have answered.
    decided: Option<(usize, Decision<'c>)>,
    pending: Vec<(usize, Pending)>,
}

/// How far a run has come.
enum Progress<'c> {
    /// To its end: what was decided, and by whom.
    Ended(Option<(Decision<'c>, &'c str)>),
    Waits(WaitingGroup<'c>),
}

impl Chain {
    /// Runs the handlers over a message, and writes the verdict and what they found; if one of them answers later,
    /// [`finish`](Self::finish) goes on with what this returns.
    ///
    /// # Errors
    ///
    /// If a required argument is not there: then the message is not for this chain.
    pub fn run(
        &self,
        message: &MessageRef<'_>,
        actions: &mut Actions,
    ) -> Result<Option<Waiting>, MissingArgument> {
        self.check_required(message)?;
        let mut all = AllFound::new();
        all.resize_with(self.count, || None);
        match self.advance(0, message, &mut all) {
            Progress::Ended(decided) => {
                self.conclude(decided, message, &mut all, actions);
                Ok(None)
            }
            Progress::Waits(group) => {
                let owned = all.into_iter().map(|value| value.map(|value| value.into_owned()));
                let all = owned.collect();
                Ok(Some(Waiting { message: message.to_message(), all, group: group.into_owned() }))
            }
        }
    }

    pub(super) fn check_required(&self, message: &MessageRef<'_>) -> Result<(), MissingArgument> {
        let missing = |at: &&usize| self.inputs[**at].value(message).is_none();
        match self.required.iter().find(missing) {
            Some(at) => Err(MissingArgument(self.inputs[*at].name().to_owned())),
            None => Ok(()),
        }
    }

    /// Runs the rest of a message whose handlers answer later.
    pub async fn finish(&self, waiting: Waiting) -> Actions {
        let Waiting { message, all, group } = waiting;
        let mut group: WaitingGroup<'_> = group;
        let all: Vec<Option<Value<'_>>> = all;
        let mut all = AllFound::from_vec(all);
        let decided = loop {
            let (links, at) = (&self.groups[group.at], group.at);
            let mut waits: Vec<_> = group.pending.iter().map(|(place, _)| *place).collect();
            let pending = group.pending.into_iter();
            let mut answers: FuturesUnordered<_> =
                pending.map(|(place, pending)| async move { (place, pending.await) }).collect();
            let mut decided = group.decided;
            // A decision stands once nobody who goes before it is waited for: a slow neighbour does not delay it.
            let stands = |decided: &Option<(usize, Decision<'_>)>, waits: &[usize]| {
                decided.as_ref().is_some_and(|(own, _)| waits.iter().all(|place| place > own))
            };
            while !stands(&decided, &waits) {
                let Some((place, answer)) = answers.next().await else { break };
                waits.retain(|waiting| *waiting != place);
                let decision = links[place].end(answer, &mut all);
                let is_first = decided.as_ref().is_none_or(|(other, _)| place < *other);
                if let (Some(decision), true) = (decision, is_first) {
                    decided = Some((place, decision));
                }
            }
            if let Some((place, decision)) = decided {
                break Some((decision, links[place].name.as_str()));
            }
            match self.advance(at + 1, &message.as_ref(), &mut all) {
                Progress::Ended(decided) => break decided,
                Progress::Waits(next) => group = next,
            }
        };
        let mut actions = Actions::new();
        self.conclude(decided, &message.as_ref(), &mut all, &mut actions);
        actions
    }

    /// Runs the groups from this one on, up to a decision or a handler that answers later.
    fn advance<'c>(
        &'c self,
        from: usize,
        message: &MessageRef<'_>,
        all: &mut AllFound<'c>,
    ) -> Progress<'c> {
        let mut found = Found::new();
        for (at, group) in self.groups.iter().enumerate().skip(from) {
            let mut decided = None;
            let mut pending = Vec::new();
            for (place, link) in group.iter().enumerate() {
                match link.begin(&View::new(*message, &self.inputs, all), &mut found) {
                    Begun::Waits(answer) => pending.push((place, answer)),
                    Begun::Answered(decision) if decided.is_none() => {
                        decided = decision.map(|decision| (place, decision));
                    }
                    Begun::Answered(_) => {}
                }
            }
            found.drain_into(all);
            if !pending.is_empty() {
                return Progress::Waits(WaitingGroup { at, decided, pending });
            }
            if let Some((place, decision)) = decided {
                return Progress::Ended(Some((decision, group[place].name.as_str())));
            }
        }
        Progress::Ended(None)
    }

    /// Writes the verdict and what was found, once those have seen it that run behind it.
    fn conclude<'c>(
        &'c self,
        decided: Option<(Decision<'c>, &'c str)>,
        message: &MessageRef<'_>,
        all: &mut AllFound<'c>,
        actions: &mut Actions,
    ) {
        if !self.last.is_empty() {
            self.run_last(decided.as_ref(), message, all);
        }
        self.write(decided.as_ref(), all, actions);
    }

    /// Writes the verdict and what was found.
    pub(super) fn write(
        &self,
        decided: Option<&(Decision<'_>, &str)>,
        all: &AllFound<'_>,
        actions: &mut Actions,
    ) {
        let mut budget = AckBudget::new();
        let own = decided.map(|(own, by)| (own, *by));
        self.write_verdict(own, actions, &mut budget);
        for link in self.links() {
            for output in &link.outputs {
                output.write(all[link.first + output.variable].as_ref(), actions, &mut budget);
            }
        }
        if budget.dropped > 0 {
            self.dropped.fetch_add(budget.dropped, Ordering::Relaxed);
        }
    }
}

impl Chain {
    fn run_last<'c>(
        &'c self,
        decided: Option<&(Decision<'c>, &'c str)>,
        message: &MessageRef<'_>,
        all: &mut AllFound<'c>,
    ) {
        let action = decided.map_or(Action::Allow, |(decision, _)| decision.action);
        let verdict = [
            Some(Value::text(action.word())),
            decided.map(|(decision, _)| Value::Text(decision.reason.clone())),
            decided.map(|(_, by)| Value::text(by)),
        ];
        for (place, value) in all.iter_mut().skip(self.verdict).zip(verdict) {
            *place = value;
        }
        let mut found = Found::new();
        for link in &self.last {
            // They decide nothing.
            let _ = link.begin(&View::new(*message, &self.inputs, all), &mut found);
        }
        found.drain_into(all);
    }
}

impl WaitingGroup<'_> {
    fn into_owned(self) -> WaitingGroup<'static> {
        let decided = self.decided.map(|(place, decision)| (place, decision.into_owned()));
        WaitingGroup { at: self.at, decided, pending: self.pending }
    }
}
