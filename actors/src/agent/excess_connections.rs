//! Excess connections: those over the limit; the oldest silent one is closed for another.

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

/// A connection without bytes for this long is silent; a younger one may have its HELLO on the way.
const SILENT: Duration = Duration::from_millis(100);
/// How soon an arbiter returns the permit of a closed connection.
const SOON: Duration = Duration::from_millis(10);
/// No connection can be closed: a permit is free when another is answered.
const LATER: Duration = Duration::from_secs(1);

/// The connections over the limit, oldest first, on the thread that accepts.
#[derive(Default)]
pub(super) struct ExcessConnections(RefCell<VecDeque<(Instant, Weak<ExcessConnection>)>>);

impl ExcessConnections {
    /// Closed ones are removed from the list at this length.
    const MANY: usize = 4096;

    /// Adds a connection with this permit.
    pub(super) fn note(&self, permit: &ConnectionPermit) {
        let Some(excess) = permit.excess() else { return };
        let mut all = self.0.borrow_mut();
        if all.len() >= Self::MANY && all.len() == all.capacity() {
            all.retain(|(_, excess)| excess.strong_count() > 0);
        }
        all.push_back((Instant::now(), Arc::downgrade(excess)));
    }

    /// Closes the connection that has been silent for the longest time. Returns when to try again.
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
