//! The chain of a message.

use std::sync::atomic::{AtomicU64, Ordering};

use spoa_actors::{Actions, BoxError, Scope};

use super::{
    ack_budget::AckBudget,
    chain_names::{Place, place},
    common::Mode,
    decides::Decides,
    decision::Decision,
    detail::Detail,
    link::{Link, StepCounts},
    step::LaterStep,
    verdict,
};
use crate::{configuration::Fallback, expression::Slot, input::Input};

/// Why a handler does not start.
#[derive(Debug, thiserror::Error)]
#[error("[handler.{handler}]: {cause}")]
pub struct StartError {
    /// Its name.
    pub handler: String,
    /// What keeps it from starting.
    pub cause: BoxError,
}

/// The handlers of a message, in order, and those of a group side by side: they do not see each other's findings.
pub struct Chain {
    pub(super) groups: Vec<Vec<Link>>,
    /// Those that run when the verdict is known.
    pub(super) last: Vec<Link>,
    /// The place of the verdict's first variable among all that are found.
    pub(super) verdict: usize,
    /// Its arguments.
    pub(super) inputs: Vec<Input>,
    /// Which of them have to be there.
    pub(super) required: Vec<usize>,
    /// How many variables all of them find.
    pub(super) count: usize,
    /// What these are, as `handler.variable`.
    pub(super) variables: Vec<String>,
    /// Whether HAProxy gets its verdict, or only what its handlers find.
    pub(super) has_verdict: bool,
    /// What only some verdicts have, of all chains of the file.
    pub(super) details: Vec<Detail>,
    pub(super) fallback: Option<Fallback>,
    /// How many variables did not fit into their ACK.
    pub(super) dropped: AtomicU64,
}

impl Chain {
    /// Makes its handlers ready before the first message, on a thread that may wait.
    ///
    /// # Errors
    ///
    /// If one of them cannot answer messages; then none has started.
    pub fn start(&self) -> Result<(), StartError> {
        for link in self.links().filter(|link| link.mode != Mode::Off) {
            if let Some(Err(cause)) = link.step.later().map(LaterStep::start) {
                self.stop();
                return Err(StartError { handler: link.name.clone(), cause });
            }
        }
        Ok(())
    }

    /// Ends what its handlers have started, after the last message.
    pub fn stop(&self) {
        self.links().filter_map(|link| link.step.later()).for_each(LaterStep::stop);
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.groups.iter().flatten().chain(&self.last)
    }

    /// What its handlers find, as `handler.variable`.
    #[must_use]
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// What HAProxy gets if the chain does not answer in time: the verdict that the file says, and the variables
    /// that have a default; nothing if the file has neither.
    #[must_use]
    pub fn fallback(&self) -> Option<Actions> {
        let (mut actions, mut budget) = (Actions::new(), AckBudget::new());
        if let Some(fallback) = &self.fallback {
            let decision =
                Decision::new(fallback.action, &*fallback.reason).status(fallback.status());
            self.write_verdict(Some((&decision, "fallback")), &mut actions, &mut budget);
        }
        for output in self.links().flat_map(|link| &link.outputs) {
            output.write(None, &mut actions, &mut budget);
        }
        (self.fallback.is_some() || !actions.is_empty()).then_some(actions)
    }

    pub(super) fn write_verdict(
        &self,
        decision: Option<(&Decision<'_>, &str)>,
        actions: &mut Actions,
        budget: &mut AckBudget,
    ) {
        if self.has_verdict {
            verdict::write(decision, &self.details, actions, budget);
        }
    }

    /// The arguments that its handlers look at.
    pub fn arguments(&self) -> impl Iterator<Item = &Input> {
        let links = || self.links();
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
        self.links().for_each(|link| all.extend(&link.decides));
        if let Some(fallback) = &self.fallback {
            all.add(fallback.action, fallback.status());
        }
        all
    }

    /// The variables that `set` of its handlers names: whose handler it is, and what HAProxy gets.
    pub fn chosen(&self) -> impl Iterator<Item = (&str, Scope, &str)> {
        let links = self.links().filter(|link| link.is_chosen);
        links.flat_map(|link| {
            link.outputs.iter().map(|own| (link.name.as_str(), own.scope, own.name.as_str()))
        })
    }

    /// What its handlers have done, in their order.
    #[must_use]
    pub fn counts(&self) -> Vec<StepCounts> {
        self.links().map(Link::counts).collect()
    }

    /// How many variables did not fit into their ACK.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
