//! Account: the bytes that one connection keeps between its wake-ups, of those that all may keep.

use std::rc::Rc;

use crate::{log_limits::Cause, origin::Peer, quota::Share, shared::Shared};

/// The account of one connection.
pub(crate) struct Account {
    kept: Share,
    shared: Rc<Shared>,
}

impl Account {
    pub(crate) fn new(shared: Rc<Shared>) -> Self {
        Self { kept: shared.common.memory.share(), shared }
    }

    /// Takes note of what is kept now.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let before = self.kept.amount();
        if bytes == before {
            return;
        }
        self.kept.set(bytes);
        self.shared.counters.count(|statistics| {
            statistics.bytes_kept = statistics.bytes_kept + bytes as u64 - before as u64;
        });
    }

    /// What is kept now.
    pub(crate) fn kept(&self) -> usize {
        self.kept.amount()
    }

    /// Whether all connections keep more than they may together, and this one more than its part.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.kept.left() == 0 && self.is_more_than_its_part(self.kept.amount())
    }

    /// Whether so many bytes are more than one connection may keep whatever the others do.
    pub(crate) fn is_more_than_its_part(&self, bytes: usize) -> bool {
        bytes > self.shared.common.limits.memory / self.shared.common.limits.connections
    }

    /// Counts and logs that the connection was ended for it.
    pub(crate) fn report(&self, peer: &Peer) {
        self.shared.counters.count(|statistics| statistics.memory_exceeded += 1);
        if let Some(unsaid) = self.shared.limited(Cause::Overdrawn) {
            tracing::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                kept = self.kept.amount(),
                limit = self.shared.common.limits.memory,
                unsaid,
                "connection ended: all together keep more bytes than they may; find out why frames \
                 come slowly, answers take long or ACKs are not read, or raise `memory`"
            );
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.keep(0);
    }
}
