//! How often a handler has decided what, by action and reason.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::configuration::Action;

/// How many reasons of a handler are told apart; a file has fewer.
const MOST: usize = 32;
/// What stands for all further ones.
const OTHER: &str = "other";

/// How often a handler has decided what. Nobody waits for it, and its memory has a bound.
#[derive(Default)]
pub(super) struct DecisionCounts {
    slots: [Slot; MOST],
    others: [AtomicU64; Action::WORDS.len()],
}

#[derive(Default)]
struct Slot {
    what: OnceLock<(Action, Box<str>)>,
    count: AtomicU64,
}

/// How often a handler has decided this.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecisionCount {
    /// What HAProxy does, in the verdict's word.
    pub action: &'static str,
    /// Why; `other` beyond the 32nd.
    pub reason: String,
    /// How often.
    pub count: u64,
}

impl DecisionCounts {
    pub(super) fn add(&self, action: Action, reason: &str) {
        let is_it = |slot: &&Slot| {
            let (own, word) = slot.what.get_or_init(|| (action, reason.into()));
            *own == action && **word == *reason
        };
        let count =
            self.slots.iter().find(is_it).map_or(&self.others[action as usize], |slot| &slot.count);
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn all(&self) -> Vec<DecisionCount> {
        let known = self.slots.iter().filter_map(|slot| {
            let (action, reason) = slot.what.get()?;
            let count = slot.count.load(Ordering::Relaxed);
            Some(DecisionCount { action: action.word(), reason: reason.to_string(), count })
        });
        let others = self.others.iter().zip(Action::WORDS).map(|(count, action)| DecisionCount {
            action,
            reason: OTHER.to_owned(),
            count: count.load(Ordering::Relaxed),
        });
        known.chain(others).filter(|one| one.count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_told_apart_up_to_a_bound() {
        let counts = DecisionCounts::default();
        for number in 0..40 {
            counts.add(Action::Deny, &format!("r{number}"));
        }
        counts.add(Action::Deny, "r0");
        counts.add(Action::Allow, "r0");
        let all = counts.all();
        let count = |action: Action, reason: &str| {
            all.iter()
                .find(|one| one.action == action.word() && one.reason == reason)
                .map(|one| one.count)
        };
        assert_eq!(count(Action::Deny, "r0"), Some(2));
        assert_eq!(count(Action::Deny, "r31"), Some(1));
        assert_eq!(count(Action::Deny, "other"), Some(8));
        assert_eq!(count(Action::Allow, "other"), Some(1));
        assert_eq!(all.len(), 34);
    }
}
