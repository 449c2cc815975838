//! Layer count: how often a layer did something.

use std::cell::Cell;

/// How often a layer of a route did something, such as a hit of a cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LayerCount {
    /// The name of the layer: `cache`.
    pub layer: &'static str,
    /// What it did: `hit`.
    pub event: &'static str,
    /// How often.
    pub count: u64,
}

impl LayerCount {
    /// A count of a layer, for [`Layer::counts`](crate::Layer::counts).
    #[must_use]
    pub fn new(layer: &'static str, event: &'static str, count: u64) -> Self {
        Self { layer, event, count }
    }

    pub(crate) fn all<const N: usize>(
        layer: &'static str,
        events: [(&'static str, &Cell<u64>); N],
    ) -> Vec<Self> {
        events.map(|(event, count)| Self::new(layer, event, count.get())).into()
    }

    /// Adds counts to those of the same layers and events.
    pub(crate) fn add_all(counts: &mut Vec<Self>, others: &[Self]) {
        for other in others {
            let is_same =
                |count: &&mut Self| (count.layer, count.event) == (other.layer, other.event);
            match counts.iter_mut().find(is_same) {
                Some(count) => count.count += other.count,
                None => counts.push(*other),
            }
        }
    }
}
