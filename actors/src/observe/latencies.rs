//! Latencies: how long messages took, by outcome.

use std::time::Duration;

use super::{histogram::Histogram, outcome::Outcome};

/// How long the messages of a route took, by outcome: from the call of the handler to the answer or
/// fallback.
///
/// Of the calls that are answered in place, the first one of each wake-up is timed, and its time
/// counts for the others too.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Latencies([Option<Box<Histogram>>; Outcome::ALL.len()]);

impl Latencies {
    /// The outcomes that occurred, with their histograms.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, &Histogram)> {
        let known = Outcome::ALL.into_iter().zip(&self.0);
        known.filter_map(|(outcome, histogram)| Some((outcome, histogram.as_deref()?)))
    }

    /// The histogram of this outcome, if it occurred.
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
