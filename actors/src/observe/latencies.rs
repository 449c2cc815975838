//! Latencies: how long messages took, by what became of them.

use std::time::Duration;

use super::{histogram::Histogram, outcome::Outcome};

/// How long the messages of a route took, from their hand-over to their answer or fallback, by what
/// became of them.
///
/// Of the calls that are answered in place, the first of each wake-up is timed, and stands for those
/// behind it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Latencies([Option<Box<Histogram>>; Outcome::ALL.len()]);

impl Latencies {
    /// The outcomes that occurred, and how long their messages took.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, &Histogram)> {
        let known = Outcome::ALL.into_iter().zip(&self.0);
        known.filter_map(|(outcome, histogram)| Some((outcome, histogram.as_deref()?)))
    }

    /// How long the messages with this outcome took, if there were any.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> Option<&Histogram> {
        self.0[outcome as usize].as_deref()
    }

    pub(super) fn record(&mut self, outcome: Outcome, duration: Duration, times: u64) {
        self.0[outcome as usize].get_or_insert_default().record(duration, times);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (outcome, histogram) in other.iter() {
            self.0[outcome as usize].get_or_insert_default().add(histogram);
        }
    }
}
