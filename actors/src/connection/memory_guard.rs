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

/// The buffered bytes of one connection.
pub(crate) struct MemoryGuard {
    /// With the bytes that the connection takes regardless of its peer.
    kept: Reservation,
    cost: Reservation,
    /// The bytes in flight, which are reserved separately.
    in_flight: usize,
    /// Whether reading is paused because of the bytes in flight.
    is_waiting: bool,
    shared: Rc<ArbiterContext>,
}

impl MemoryGuard {
    /// The guard of a connection that takes `cost` bytes regardless of its peer.
    pub(crate) fn new(shared: Rc<ArbiterContext>, cost: usize) -> Self {
        let (mut kept, mut costs) = (shared.common.memory.share(), shared.common.costs.share());
        kept.set(cost);
        costs.set(cost);
        Self { kept, cost: costs, in_flight: 0, is_waiting: false, shared }
    }

    /// Records the buffered bytes without the cost.
    pub(super) fn keep(&mut self, bytes: usize, in_flight: usize) {
        self.kept.set(self.cost.amount() + bytes);
        self.in_flight = in_flight;
    }

    /// The buffered bytes.
    pub(super) fn kept(&self) -> usize {
        self.kept.amount() + self.in_flight
    }

    /// Whether the memory limit is reached.
    #[cfg(feature = "tls")]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.kept.left() == 0
    }

    /// Whether the memory limit is reached, and this connection buffers more than its share:
    /// without its cost, and without what is in flight, which ends without the peer.
    pub(super) fn is_over_limit(&self) -> bool {
        self.kept.left() == 0 && self.is_more_than_its_part(self.kept.amount() - self.cost.amount())
    }

    /// Whether this is more than one connection can always buffer.
    pub(super) fn is_more_than_its_part(&self, bytes: usize) -> bool {
        bytes > self.shared.common.start_limits.part()
    }

    /// Pauses or resumes reading because of the bytes in flight. Counts and logs it.
    #[inline]
    pub(super) fn wait(&mut self, is_waiting: bool, peer: &Peer) {
        // One line and one count per pause, not per wake-up.
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

    /// Counts and logs that the connection was closed because of memory.
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
