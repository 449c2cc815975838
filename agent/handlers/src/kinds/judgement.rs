//! Judgement: what a handler decides about what it has found, by conditions over its own variables.

use crate::{
    chain::{Decides, Decision, Making, OwnVariable, OwnView},
    configuration::Action,
    expression::{Fault, Program, Slot, Variables},
    file::Text,
};

words! {
    /// What happens while data is stale.
    pub(super) enum OnStale, "one of `use`, `allow` and `deny`" {
        /// It is used as it is.
        Use = "use",
        /// The verdict is `allow`.
        Allow = "allow",
        /// The verdict is `deny`.
        Deny = "deny",
    }
}

/// What a handler decides about what it has found.
pub(super) struct Judgement {
    pub(super) allow: Option<Program>,
    pub(super) deny: Option<Program>,
    pub(super) on_stale: OnStale,
    pub(super) status: Option<u16>,
}

impl Judgement {
    /// Reads the conditions over these variables of the handler.
    pub(super) fn read(
        (allow, deny): (Option<&Text>, Option<&Text>),
        (on_stale, status): (OnStale, Option<u16>),
        own: &[OwnVariable],
        making: &mut Making<'_, '_>,
    ) -> Option<Self> {
        let mut read = |text: Option<&Text>| match text {
            Some(text) => making.own_condition(text, own).map(Some),
            None => Some(None),
        };
        let (allow, deny) = (read(allow), read(deny));
        Some(Self { allow: allow?, deny: deny?, on_stale, status })
    }

    /// What it may decide.
    pub(super) fn decides(&self) -> Decides {
        let mut decides = Decides::nothing();
        if self.allow.is_some() || self.on_stale == OnStale::Allow {
            decides.add(Action::Allow, None);
        }
        if self.deny.is_some() || self.on_stale == OnStale::Deny {
            decides.add(Action::Deny, self.status);
        }
        decides
    }

    /// The variables that the condition to deny looks at.
    pub(super) fn deny_slots(&self) -> &[Slot] {
        self.deny.as_ref().map_or(&[], Program::slots)
    }

    /// Decides about what was found. With data that is not all there, only to deny, and only if all that its
    /// condition names was found.
    pub(super) fn decide(
        &self,
        own: &OwnView<'_, '_>,
        (is_whole, is_stale): (bool, bool),
        reason: &'static str,
    ) -> Result<Option<Decision<'static>>, Fault> {
        match self.on_stale {
            OnStale::Allow if is_stale => return Ok(Some(Decision::new(Action::Allow, "stale"))),
            OnStale::Deny if is_stale => return Ok(Some(self.denied("stale"))),
            _ => {}
        }
        if let Some(allow) = self.allow.as_ref().filter(|_| is_whole)
            && allow.test(own)?
        {
            return Ok(Some(Decision::new(Action::Allow, "allowed")));
        }
        // Nor does such a default deny.
        let is_known =
            |deny: &Program| is_whole || deny.slots().iter().all(|slot| own.get(*slot).is_some());
        match &self.deny {
            Some(deny) if is_known(deny) && deny.test(own)? => Ok(Some(self.denied(reason))),
            _ => Ok(None),
        }
    }

    pub(super) fn denied(&self, reason: &'static str) -> Decision<'static> {
        Decision::new(Action::Deny, reason).status(self.status)
    }
}
