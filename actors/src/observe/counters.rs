//! Counters: the statistics of one arbiter, as they are counted.

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
    /// Those of an arbiter of an agent that names these engines.
    pub(crate) fn new(engines: EngineNames) -> Self {
        Self { engines: Engines::new(engines), ..Self::default() }
    }

    /// A NOTIFY has come in one frame of so many bytes.
    #[inline]
    pub(crate) fn notify(&self, bytes: usize) {
        self.notifies.set(self.notifies.get() + 1);
        self.notify_bytes.set(self.notify_bytes.get() + bytes as u64);
    }

    /// An ACK of so many bytes leaves. If it does so in fragments, those behind the first are counted
    /// by themselves as well.
    #[inline]
    pub(crate) fn ack(&self, bytes: usize) {
        self.acks.set(self.acks.get() + 1);
        self.ack_bytes.set(self.ack_bytes.get() + bytes as u64);
    }

    /// So many NOTIFYs were answered so soon.
    pub(crate) fn answered_at_once(&self, notifies: u64, latency: Duration) {
        self.count(|statistics| statistics.latency.record(latency, notifies));
    }

    /// Counts anything else.
    #[inline]
    pub(crate) fn count(&self, count: impl FnOnce(&mut Statistics)) {
        count(&mut self.rest.borrow_mut());
    }

    /// All counts but those of the routes.
    fn without_routes(&self) -> Statistics {
        let mut statistics = self.rest.borrow().clone();
        // Those that were counted elsewhere, as they came in fragments, are in it already.
        statistics.notifies += self.notifies.get();
        statistics.acks += self.acks.get();
        let notifies = FrameCount { frames: self.notifies.get(), bytes: self.notify_bytes.get() };
        statistics.frames_received.add_to(FrameType::NOTIFY, notifies);
        // An ACK in fragments was counted with all its bytes, and its continuations were counted again.
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

    /// All counts; what is counted for every route is added up, too.
    pub(crate) fn snapshot(&self, routes: Vec<RouteStatistics>) -> Statistics {
        let mut statistics = self.without_routes();
        // Added up when somebody asks, so that a message is counted in one place.
        for route in &routes {
            statistics.messages.add(&route.outcomes());
            statistics.handler_restarts += route.restarts;
            statistics.handler_starts_failed += route.starts_failed;
            statistics.handlers_down += route.times_down;
            statistics.background_panics += route.background_panics;
        }
        statistics.routes = routes;
        statistics
    }
}
