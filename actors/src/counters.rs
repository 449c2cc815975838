//! Counters: the statistics of one arbiter, as they are counted.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crate::{
    engine_statistics::Engines, listener_statistics::Listeners, route_statistics::RouteStatistics,
    statistics::Statistics,
};

/// The statistics of one arbiter, shared by everything on it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// What is counted for every NOTIFY.
    notifies: Cell<u64>,
    acks: Cell<u64>,
    pub(crate) listeners: Listeners,
    pub(crate) engines: Engines,
    /// Everything else.
    rest: RefCell<Statistics>,
}

impl Counters {
    /// A NOTIFY has come.
    #[inline]
    pub(crate) fn notify(&self) {
        self.notifies.set(self.notifies.get() + 1);
    }

    /// An ACK leaves.
    #[inline]
    pub(crate) fn ack(&self) {
        self.acks.set(self.acks.get() + 1);
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
        statistics.notifies += self.notifies.get();
        statistics.acks += self.acks.get();
        statistics.listeners = self.listeners.snapshot();
        statistics.engines = self.engines.snapshot();
        statistics
    }

    /// All counts; what is counted for every route is added up, too.
    pub(crate) fn snapshot(&self, routes: Vec<RouteStatistics>) -> Statistics {
        let mut statistics = self.without_routes();
        for route in &routes {
            statistics.messages.add(&route.outcomes());
            statistics.handlers_renewed += route.renewed;
            statistics.handler_starts_failed += route.starts_failed;
            statistics.handlers_given_up += route.given_up;
            statistics.panics_aside += route.panics_aside;
        }
        statistics.routes = routes;
        statistics
    }
}
