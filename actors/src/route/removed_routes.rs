//! Removed routes: the statistics of routes that reloads have removed.

use std::rc::Rc;

use crate::observe::{Counters, RouteMetrics, RouteStatistics};

/// How many removed routes are stored.
const MOST_REMOVED: usize = 64;

/// Who holds the record of one without a call in flight: its list here, and that of the generation before.
const HOLDERS: usize = 2;

/// The statistics of removed routes, the last one removed at the end.
#[derive(Clone, Default)]
pub(super) struct RemovedRoutes(Vec<(Rc<str>, Rc<RouteMetrics>)>);

impl RemovedRoutes {
    /// The statistics of this route.
    pub(super) fn find(&self, name: &str) -> Option<&Rc<RouteMetrics>> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, record)| record)
    }

    pub(super) fn statistics(&self) -> impl Iterator<Item = RouteStatistics> {
        self.0.iter().map(|(name, record)| RouteStatistics {
            route: name.to_string(),
            is_removed: true,
            ..record.statistics()
        })
    }

    /// These, if they are still gone, and more; those beyond the bound are forgotten.
    pub(super) fn and(
        &self,
        more: impl Iterator<Item = (Rc<str>, Rc<RouteMetrics>)>,
        is_gone: impl Fn(&str) -> bool,
        counters: &Counters,
    ) -> Self {
        let known = self.0.iter().filter(|(name, _)| is_gone(name)).cloned();
        let mut all = Self(known.chain(more).collect());
        all.bound(counters);
        all
    }

    /// Forgets the first ones beyond the bound that have no call in flight; their counts stay in the sums.
    fn bound(&mut self, counters: &Counters) {
        let mut surplus = self.0.len().saturating_sub(MOST_REMOVED);
        self.0.retain(|(_, record)| {
            let is_forgotten = surplus > 0 && Rc::strong_count(record) <= HOLDERS;
            if is_forgotten {
                surplus -= 1;
                counters.forget(&record.statistics());
            }
            !is_forgotten
        });
    }
}
