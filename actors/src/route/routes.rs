//! Routes: the routes of one arbiter, found by the names of messages.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    handler_slot::HandlerSlot,
    live_route::LiveRoute,
    notify_route::{NotifyRoute, Together},
    removed_routes::RemovedRoutes,
};
use crate::{
    log,
    observe::{RateLimit, RouteStatistics},
    origin::Peer,
    spop::ForeignText,
};

/// How many bytes of the name of a message without a route are logged.
const LONGEST_NAME: usize = 64;

/// The routes of one arbiter, their handlers started.
#[derive(Default)]
pub(crate) struct Routes {
    /// In the order of their names.
    pub(super) by_name: Vec<Rc<LiveRoute>>,
    pub(super) catch_all: Option<Rc<LiveRoute>>,
    /// Those that take several messages together.
    pub(super) together: Vec<NotifyRoute>,
    /// How many NOTIFYs had messages for them.
    notifies: Cell<u64>,
    /// Which one was found last: most agents are asked for one name again and again.
    last: Cell<usize>,
    /// For the messages without a route.
    missing: RateLimit,
    /// For the messages that are not looked at.
    unread: RateLimit,
    /// Those that reloads have removed.
    pub(super) removed: RemovedRoutes,
}

impl Routes {
    #[inline(always)]
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<LiveRoute>> {
        match self.by_name.get(self.last.get()) {
            Some(last) if last.name.as_bytes() == name => Some(last),
            _ => self.search(name),
        }
    }

    fn search(&self, name: &[u8]) -> Option<&Rc<LiveRoute>> {
        let found = self.by_name.binary_search_by(|route| route.name.as_bytes().cmp(name));
        let Ok(index) = found else {
            let is_together = self.together.iter().any(|together| together.takes(name));
            return self.catch_all.as_ref().filter(|_| !is_together);
        };
        self.last.set(index);
        self.by_name.get(index)
    }

    /// The route of this name; the catch-all has one, too.
    pub(super) fn route_called(&self, name: &str) -> Option<&Rc<LiveRoute>> {
        let found = self.by_name.binary_search_by(|route| (*route.name).cmp(name));
        match found {
            Ok(index) => self.by_name.get(index),
            Err(_) => self.unsorted().find(|route| *route.name == *name),
        }
    }

    /// Which route takes this message with others of its NOTIFY, if it has no route of its own. `notify`
    /// is 0 for a new NOTIFY, and its number from then on.
    pub(crate) fn find_together(&self, name: &[u8], notify: &mut u64) -> Together<'_> {
        let Some(together) = self.together.iter().find(|together| together.takes(name)) else {
            return Together::Unnamed;
        };
        if *notify == 0 {
            self.notifies.set(self.notifies.get() + 1);
            *notify = self.notifies.get();
        }
        together.take(*notify)
    }

    /// Logs that a message has no route.
    #[cold]
    pub(crate) fn report_missing(&self, name: &[u8]) {
        let Some(suppressed) = self.missing.permit() else { return };
        let routes: Vec<_> = self.iter().map(|route| &*route.name).collect();
        log::warn!(
            spoe_message = %ForeignText::new(name).up_to(LONGEST_NAME),
            suppressed,
            routes = routes.join(", "),
            "message without a route: it adds nothing to its ACK; register a handler under this \
             name, or remove it from the spoe-agent's messages"
        );
    }

    /// Logs that the last messages of a NOTIFY are not looked at.
    #[cold]
    pub(crate) fn report_unread(&self, peer: &Peer, messages: usize) {
        let Some(suppressed) = self.unread.permit() else { return };
        log::warn!(
            peer = %peer.address,
            engine_id = peer.engine_id.as_ref().map(tracing::field::display),
            messages,
            suppressed,
            "messages dropped without their fallbacks: a NOTIFY has more than 17,408 of them; list \
             at most 1024 messages for one event or spoe-group"
        );
    }

    /// A required route whose handler is down.
    pub(crate) fn down(&self) -> Option<String> {
        let down = self.iter().find(|route| route.is_required && route.slot.is_down());
        down.map(|route| route.name.to_string())
    }

    /// The shortest deadline of a route, if there is a route.
    pub(crate) fn shortest_deadline(&self) -> Option<Duration> {
        self.iter().map(|route| route.deadline.time).min()
    }

    /// What was seen of each so far.
    pub(crate) fn statistics(&self) -> Vec<RouteStatistics> {
        self.iter().map(|route| route.statistics()).chain(self.removed.statistics()).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rc<LiveRoute>> {
        self.by_name.iter().chain(self.unsorted())
    }

    /// Those that are not found by the name of one message.
    fn unsorted(&self) -> impl Iterator<Item = &Rc<LiveRoute>> {
        self.together.iter().map(|together| &together.route).chain(&self.catch_all)
    }

    /// Ends every handler in good order; drops those that take longer.
    pub(crate) async fn stop_within(&self, limit: Duration) {
        Self::stop_all(self.iter(), limit).await;
    }

    pub(super) async fn stop_all(routes: impl Iterator<Item = &Rc<LiveRoute>>, limit: Duration) {
        Self::stop_slots(routes.map(|route| &*route.slot), limit).await;
    }

    pub(super) async fn stop_slots(slots: impl Iterator<Item = &HandlerSlot>, limit: Duration) {
        let stops = join_all(slots.map(HandlerSlot::stop));
        if timeout(limit, stops).await.is_err() {
            log::warn!("handlers dropped: they did not stop in time; make their `stopping` faster");
        }
    }
}
