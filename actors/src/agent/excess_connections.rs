//! Surplus connections: those over the limit, of which the oldest silent one makes room for another.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    arbiter::{ConnectionPermit, ExcessConnection},
    observe::ListenerCounters,
};

/// A connection that has said nothing for so long is silent; what it says may be on its way before.
const SILENT: Duration = Duration::from_millis(100);
/// How soon an arbiter gives back a place that was taken away.
const SOON: Duration = Duration::from_millis(10);
/// There is nobody to displace: a place comes when another is answered.
const LATER: Duration = Duration::from_secs(1);

/// The connections over the limit in the order in which they came, to the thread that accepts them.
#[derive(Default)]
pub(super) struct ExcessConnections(RefCell<VecDeque<(Instant, Weak<ExcessConnection>)>>);

impl ExcessConnections {
    /// Those that have gone are forgotten when there are so many.
    const MANY: usize = 4096;

    /// A connection has this place.
    pub(super) fn note(&self, place: &ConnectionPermit) {
        let Some(excess) = place.excess() else { return };
        let mut all = self.0.borrow_mut();
        if all.len() >= Self::MANY && all.len() == all.capacity() {
            all.retain(|(_, excess)| excess.strong_count() > 0);
        }
        all.push_back((Instant::now(), Arc::downgrade(excess)));
    }

    /// Takes the place of the one that has been silent for the longest time, if it is long. Says when to try again.
    pub(super) fn displace_oldest(&self, counters: &ListenerCounters) -> Duration {
        let mut all = self.0.borrow_mut();
        while let Some((since, excess)) = all.front() {
            let Some(excess) = excess.upgrade().filter(|excess| !excess.has_spoken()) else {
                all.pop_front();
                continue;
            };
            let age = since.elapsed();
            if age < SILENT {
                return SILENT - age;
            }
            excess.displace();
            counters.connection_displaced();
            all.pop_front();
            return SOON;
        }
        LATER
    }
}
