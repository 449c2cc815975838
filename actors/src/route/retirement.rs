//! Retirement: how the routes of one generation follow those of another: what is taken over, what ends, and
//! what stays known of it.

use std::{rc::Rc, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::oneshot, time::timeout};

use super::{handler_slot::HandlerSlot, live_route::LiveRoute, routes::Routes};
use crate::observe::{Counters, RouteMetrics};

/// Handlers that end, each when its last call is answered.
pub(crate) struct Retirement(Vec<Retiring>);

/// A handler that ends.
struct Retiring {
    slot: Rc<HandlerSlot>,
    /// Resolves when no call holds its route any more.
    last_call: oneshot::Receiver<()>,
    /// No call lasts longer.
    longest: Duration,
}

impl Routes {
    /// The record of a route that is or was here, to be gone on with.
    pub(super) fn record_of(&self, name: &str) -> Option<Rc<RouteMetrics>> {
        let live = self.iter().find(|route| *route.name == *name).map(|route| &route.record);
        live.or_else(|| self.removed.find(name)).cloned()
    }

    /// The routes whose handlers others do not have.
    fn beside(&self, others: &Self) -> impl Iterator<Item = &Rc<LiveRoute>> {
        self.iter().filter(|route| {
            let other = others.route_called(&route.name);
            other.is_none_or(|other| !Rc::ptr_eq(&other.slot, &route.slot))
        })
    }

    /// Takes the place of those before: from now on their handlers work by these settings, and what was
    /// seen of those that are gone is here.
    pub(crate) fn succeed(&mut self, before: &Self, counters: &Counters) {
        for route in self.iter() {
            route.slot.change(route.terms);
            route.in_use.allow(route.deadline.time);
        }
        let is_gone = |name: &str| self.route_called(name).is_none();
        let gone = before.iter().filter(|route| is_gone(&route.name));
        let gone = gone.map(|route| (Rc::clone(&route.name), Rc::clone(&route.record)));
        self.removed = before.removed.and(gone, is_gone, counters);
    }

    /// Ends the handlers that have started beside those before, which go on.
    pub(crate) async fn discard(&self, before: &Self, limit: Duration) {
        Self::stop_all(self.beside(before), limit).await;
    }

    /// What is to be done for the handlers that others have not taken over. The calls in flight have their
    /// routes.
    pub(crate) fn retire(&self, others: &Self) -> Retirement {
        let retiring = self.beside(others).map(|route| {
            let (last_call, longest) = (route.in_use.over(), route.in_use.longest());
            Retiring { slot: Rc::clone(&route.slot), last_call, longest }
        });
        Retirement(retiring.collect())
    }
}

impl Retirement {
    /// Ends each handler when its last call is answered, or none can be any more.
    pub(crate) async fn run(self, limit: Duration) {
        let end = async |Retiring { slot, last_call, longest }: Retiring| {
            // An error says that nobody holds the route any more.
            let _ = timeout(longest, last_call).await;
            Routes::stop_slots([&*slot].into_iter(), limit).await;
        };
        join_all(self.0.into_iter().map(end)).await;
    }
}
