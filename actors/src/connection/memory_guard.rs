//! Memory guard: the bytes that one connection buffers between its wake-ups, of those that all may
//! buffer.

use std::rc::Rc;

use crate::{
    arbiter::{ArbiterContext, Reservation},
    limit::Limit,
    log,
    observe::Cause,
    origin::Peer,
};

/// The account of one connection.
pub(crate) struct MemoryGuard {
    /// With what the connection takes whatever its peer does.
    kept: Reservation,
    cost: Reservation,
    /// The bytes that it has in flight, which have a share of their own.
    in_flight: usize,
    /// Whether the connection is not read, for what it has in flight.
    is_waiting: bool,
    shared: Rc<ArbiterContext>,
}

impl MemoryGuard {
    /// The account of a connection that takes `cost` bytes whatever its peer does.
    pub(crate) fn new(shared: Rc<ArbiterContext>, cost: usize) -> Self {
        let (mut kept, mut costs) = (shared.common.memory.share(), shared.common.costs.share());
        kept.set(cost);
        costs.set(cost);
        Self { kept, cost: costs, in_flight: 0, is_waiting: false, shared }
    }

    /// Takes note of what is kept now beside the cost.
    pub(super) fn keep(&mut self, bytes: usize, in_flight: usize) {
        self.kept.set(self.cost.amount() + bytes);
        self.in_flight = in_flight;
    }

    /// What is kept now.
    pub(super) fn kept(&self) -> usize {
        self.kept.amount() + self.in_flight
    }

    /// Whether all connections keep as much as they may together.
    #[cfg(feature = "tls")]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.kept.left() == 0
    }

    /// Whether all connections keep as much as they may together, and this one more than its part: neither
    /// its cost is counted nor what is in flight, which ends without the peer.
    pub(super) fn is_over_limit(&self) -> bool {
        self.kept.left() == 0 && self.is_more_than_its_part(self.kept.amount() - self.cost.amount())
    }

    /// Whether so many bytes are more than one connection may keep whatever the others do.
    pub(super) fn is_more_than_its_part(&self, bytes: usize) -> bool {
        bytes > self.shared.common.start_limits.part()
    }

    /// The connection is not read while it has so much in flight, or is read again. Counts and logs it.
    #[inline]
    pub(super) fn wait(&mut self, is_waiting: bool, peer: &Peer) {
        // One line and one count for each time it begins, not for each wake-up while it lasts.
        if is_waiting && !self.is_waiting {
            self.report_wait(peer);
        }
        self.is_waiting = is_waiting;
    }

    #[cold]
    fn report_wait(&self, peer: &Peer) {
        self.shared.counters.count(|statistics| statistics.reads_paused += 1);
        if let Some(suppressed) = self.shared.limited(Cause::MemoryWait) {
            let memory = self.shared.common.name(Limit::Memory);
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                buffered = self.kept(),
                limit = self.shared.common.start_limits.memory,
                suppressed,
                "memory limit near: paused reading from a connection with many messages in \
                 flight; look for slow handlers, or raise {memory}"
            );
        }
    }

    /// Counts and logs that the connection was ended for it.
    pub(super) fn report(&self, peer: &Peer) {
        self.shared.counters.count(|statistics| statistics.memory_exceeded += 1);
        if let Some(suppressed) = self.shared.limited(Cause::Overdrawn) {
            let memory = self.shared.common.name(Limit::Memory);
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                buffered = self.kept(),
                limit = self.shared.common.start_limits.memory,
                suppressed,
                "memory limit reached: closed a connection that buffers more than its share; look \
                 for slow handlers or an HAProxy that does not read replies, or raise {memory}"
            );
        }
    }
}
