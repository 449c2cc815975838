//! Reception: gives every accepted socket its permit, and passes it to the next arbiter that takes
//! it.

use std::{cell::Cell, sync::Arc, time::Duration};

use actix::Addr;
use futures_util::future::select_all;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
    excess_connections::ExcessConnections,
    supervisor::{Adopt, Supervisor},
};
use crate::{
    arbiter::{AgentContext, ConnectionPermit},
    handler::fence,
    limit::Limit,
    limits::Limits,
    listen::{Preamble, Socket},
    log,
    observe::{ListenerCounters, QueuedConnection, RateLimit},
};

/// How many sockets can be queued for one arbiter: few, because they wait for as long as a handler
/// blocks it.
const WAITING: usize = 4;
/// An arbiter that takes nothing for this long is unresponsive.
const UNRESPONSIVE: Duration = Duration::from_secs(1);

/// The permits of accepted sockets, and the arbiters that serve them.
pub(super) struct Reception {
    common: AgentContext,
    /// The connections over the limit.
    excess_connections: ExcessConnections,
    desks: Vec<Desk>,
    /// The arbiter whose turn it is, for the sockets of all listeners.
    turn: Cell<usize>,
    counters: Arc<ListenerCounters>,
    is_full: RateLimit,
    is_blocked: RateLimit,
}

/// One arbiter, and the sockets queued for it.
struct Desk {
    supervisor: Addr<Supervisor>,
    room: Arc<Semaphore>,
    /// Since when its queue was seen full.
    full_since: Cell<Option<Instant>>,
}

impl Reception {
    pub(super) fn new(
        supervisors: impl Iterator<Item = Addr<Supervisor>>,
        common: AgentContext,
        counters: Arc<ListenerCounters>,
    ) -> Self {
        Self {
            common,
            excess_connections: ExcessConnections::default(),
            desks: supervisors.map(Desk::new).collect(),
            turn: Cell::new(0),
            counters,
            is_full: RateLimit::default(),
            is_blocked: RateLimit::default(),
        }
    }

    /// Passes a socket to an arbiter. While no permit is free, or no arbiter takes sockets, the
    /// caller waits, and further connections wait in the kernel's backlog.
    pub(super) async fn receive(&self, socket: Socket, listener: Arc<str>, preamble: Preamble) {
        // The permit first, then the arbiter: a socket that waits for a permit must not take the
        // queue slot of another.
        let Some(place) = self.place().await else { return };
        self.excess_connections.note(&place);
        let (desk, room) = match self.free_desk() {
            Some(free) => free,
            None => self.next_desk().await,
        };
        let queued = Some(QueuedConnection::new(room, &self.counters));
        // Without waiting for an answer. The permits of the desk limit how many are on their way.
        desk.supervisor.do_send(Adopt { socket, listener, preamble, place, queued });
    }

    async fn place(&self) -> Option<ConnectionPermit> {
        if let Some(place) = self.common.places.try_take() {
            return Some(place);
        }
        self.counters.accept_paused_for_places();
        if let Some(suppressed) = self.is_full.permit() {
            let Limits { connections: limit, excess_connections, .. } = self.common.start_limits;
            let connections = self.common.name(Limit::Connections);
            fence::quietly(|| {
                log::warn!(
                    limit,
                    refused = excess_connections,
                    suppressed,
                    "accepting paused: limit of connections to refuse reached; raise \
                     {connections} or reduce HAProxy's threads"
                );
            });
        }
        loop {
            // A silent peer over the limit is closed for the next one: otherwise silent peers would
            // keep health checks out.
            let patience = self.excess_connections.displace_oldest(&self.counters);
            if let Ok(place) = timeout(patience, self.common.places.take()).await {
                return place;
            }
        }
    }

    /// The next arbiter in turn with a free queue slot.
    fn free_desk(&self) -> Option<(&Desk, OwnedSemaphorePermit)> {
        let count = self.desks.len();
        let turn = self.turn.get();
        for nth in (turn..turn + count).map(|nth| nth % count) {
            let desk = &self.desks[nth];
            if let Ok(room) = Arc::clone(&desk.room).try_acquire_owned() {
                desk.full_since.set(None);
                // In turn, and not to the one with the fewest: HAProxy opens its connections
                // together, and all would go to the arbiter that was idle a moment ago.
                self.turn.set((nth + 1) % count);
                return Some((desk, room));
            }
            self.counters.worker_skipped();
            if desk.is_unresponsive() {
                self.report(nth);
            }
        }
        None
    }

    /// The first arbiter that takes one of its sockets.
    async fn next_desk(&self) -> (&Desk, OwnedSemaphorePermit) {
        self.counters.accept_paused_for_arbiters();
        loop {
            // Boxed for `select_all`. This happens only when all arbiters are blocked.
            let rooms =
                self.desks.iter().map(|desk| Box::pin(Arc::clone(&desk.room).acquire_owned()));
            match timeout(UNRESPONSIVE, select_all(rooms)).await {
                Ok((Ok(room), nth, _)) => {
                    self.desks[nth].full_since.set(None);
                    self.turn.set((nth + 1) % self.desks.len());
                    return (&self.desks[nth], room);
                }
                // The semaphores are never closed.
                Ok((Err(_), ..)) => {}
                Err(_) => self.report(self.turn.get()),
            }
        }
    }

    fn report(&self, arbiter: usize) {
        if let Some(suppressed) = self.is_blocked.permit() {
            fence::quietly(|| {
                log::warn!(
                    arbiter,
                    waiting = WAITING,
                    suppressed,
                    "worker thread unresponsive: it has not taken its last connections, and gets no \
                     further ones; find the handler that blocks its thread, and put it on threads \
                     with `on_blocking`"
                );
            });
        }
    }
}

impl Desk {
    fn new(supervisor: Addr<Supervisor>) -> Self {
        Self { supervisor, room: Arc::new(Semaphore::new(WAITING)), full_since: Cell::default() }
    }

    /// Whether its queue was full at the last look, and has been full for long.
    fn is_unresponsive(&self) -> bool {
        let since = self.full_since.get().unwrap_or_else(Instant::now);
        self.full_since.set(Some(since));
        since.elapsed() >= UNRESPONSIVE
    }
}
