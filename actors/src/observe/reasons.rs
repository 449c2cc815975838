//! Reasons: counts by reason.

use std::collections::BTreeMap;

/// Counts by reason. Reasons are in `snake_case`, from a bounded set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reasons(BTreeMap<&'static str, u64>);

impl Reasons {
    /// The count of this reason.
    #[must_use]
    pub fn of(&self, reason: &str) -> u64 {
        self.0.get(reason).copied().unwrap_or_default()
    }

    /// Every reason that occurred, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(&reason, &count)| (reason, count))
    }

    pub(crate) fn count(&mut self, reason: &'static str) {
        *self.0.entry(reason).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            *self.0.entry(reason).or_default() += count;
        }
    }
}
