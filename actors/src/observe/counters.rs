//! Counters: the live statistics of one arbiter.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use super::{
    engine_statistics::{EngineNames, Engines},
    frame_counts::FrameCount,
    listener_statistics::Listeners,
    route_statistics::RouteStatistics,
    statistics::Statistics,
    unrouted::Unrouted,
};
use crate::spop::FrameType;

/// The statistics of one arbiter, shared by everything on it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// What is counted for every NOTIFY.
    notifies: Cell<u64>,
    notify_bytes: Cell<u64>,
    acks: Cell<u64>,
    ack_bytes: Cell<u64>,
    pub(crate) listeners: Listeners,
    pub(crate) engines: Engines,
    pub(crate) unrouted: Unrouted,
    /// Everything else.
    rest: RefCell<Statistics>,
}

impl Counters {
    /// The counters of an arbiter, with the engine names of its agent.
    pub(crate) fn new(engines: EngineNames) -> Self {
        Self { engines: Engines::new(engines), ..Self::default() }
    }

    /// Counts a NOTIFY that arrived in one frame of this size.
    #[inline]
    pub(crate) fn notify(&self, bytes: usize) {
        self.notifies.set(self.notifies.get() + 1);
        self.notify_bytes.set(self.notify_bytes.get() + bytes as u64);
    }

    /// Counts an ACK of this size. If it is fragmented, its further fragments are counted on their
    /// own as well.
    #[inline]
    pub(crate) fn ack(&self, bytes: usize) {
        self.acks.set(self.acks.get() + 1);
        self.ack_bytes.set(self.ack_bytes.get() + bytes as u64);
    }

    /// Counts NOTIFYs that were answered at once, after this latency.
    pub(crate) fn answered_at_once(&self, notifies: u64, latency: Duration) {
        self.count(|statistics| statistics.latency.record(latency, notifies));
    }

    /// Counts anything else.
    #[inline]
    pub(crate) fn count(&self, count: impl FnOnce(&mut Statistics)) {
        count(&mut self.rest.borrow_mut());
    }

    /// All counts without those of the routes.
    fn without_routes(&self) -> Statistics {
        let mut statistics = self.rest.borrow().clone();
        // Those that arrived in fragments are counted in it already.
        statistics.notifies += self.notifies.get();
        statistics.acks += self.acks.get();
        let notifies = FrameCount { frames: self.notifies.get(), bytes: self.notify_bytes.get() };
        statistics.frames_received.add_to(FrameType::NOTIFY, notifies);
        // A fragmented ACK was counted with all its bytes, and its further fragments were counted
        // again.
        let beyond_first = statistics.frames_sent.of(FrameType::UNSET).bytes;
        let bytes = self.ack_bytes.get() - beyond_first;
        statistics
            .frames_sent
            .add_to(FrameType::ACK, FrameCount { frames: self.acks.get(), bytes });
        statistics.listeners = self.listeners.snapshot();
        statistics.engines = self.engines.snapshot();
        statistics.unrouted = self.unrouted.snapshot();
        statistics
    }

    /// Keeps the counts of a route that is shown no more in the sums of all.
    pub(crate) fn forget(&self, route: &RouteStatistics) {
        add(&mut self.rest.borrow_mut(), route);
    }

    /// All counts, with the sum of the routes' counts.
    pub(crate) fn snapshot(&self, routes: Vec<RouteStatistics>) -> Statistics {
        let mut statistics = self.without_routes();
        // Summed on request, so that a message is counted in one place.
        for route in &routes {
            add(&mut statistics, route);
        }
        statistics.routes = routes;
        statistics
    }
}

/// Adds what is counted for every route.
fn add(statistics: &mut Statistics, route: &RouteStatistics) {
    statistics.messages.add(&route.outcomes());
    statistics.handler_restarts += route.restarts;
    statistics.handler_starts_failed += route.starts_failed;
    statistics.handlers_down += route.times_down;
    statistics.background_panics += route.background_panics;
}
