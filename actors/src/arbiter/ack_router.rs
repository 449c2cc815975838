//! ACK router: sends an ACK whose connection is lost on another one of the same engine.
//!
//! HAProxy up to 3.0 takes an ACK on any connection of its engine, if both sides agreed on `async`
//! there. From 3.1 on it does not offer `async`, and would take the ACK for the answer to another
//! client.
//!
//! A peer can send any engine-id. So the other connection must come from the same host, on the same
//! listener.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
};

use actix::Recipient;

use super::shared_budget::{Reservation, SharedBudget};
use crate::{
    log,
    observe::{Counters, RateLimit},
    origin::PeerAddress,
    spop::{Ack, EngineId},
};

/// How many bytes of ACKs can wait for one connection, and how many can be on their way from one
/// arbiter to others.
const CAPACITY: usize = 1 << 20;
/// The size of an ACK without its actions.
const ACK: usize = 128;

/// The connections that can take each other's ACKs: of the same engine and host, on the same
/// listener.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct AckGroup {
    pub(super) engine_id: EngineId,
    pub(super) listener: Arc<str>,
    /// `None` where hosts have no addresses.
    host: Option<IpAddr>,
}

/// Routes ACKs between the connections of one arbiter.
pub(crate) struct AckRouter {
    /// The connections that agreed on `async`.
    queues: RefCell<HashMap<AckGroup, Vec<Rc<Queue>>>>,
    /// The other arbiters of the agent.
    elsewhere: RefCell<Vec<Recipient<RoutedAck>>>,
    /// The bytes on their way to them.
    under_way: RefCell<Reservation>,
    memory: SharedBudget,
    counters: Rc<Counters>,
    log: RateLimit,
}

/// A connection's queue of other connections' ACKs; dropping it closes the queue.
pub(crate) struct AckQueue {
    group: AckGroup,
    queue: Rc<Queue>,
    ack_router: Rc<AckRouter>,
}

struct Queue {
    acks: RefCell<VecDeque<Ack>>,
    /// The bytes in the queue.
    waiting: RefCell<Reservation>,
    waker: Cell<Option<Waker>>,
}

/// Sends an ACK on a connection of its group; returns whether there is one.
pub(crate) struct RoutedAck {
    pub(crate) group: AckGroup,
    pub(crate) ack: Ack,
}

impl actix::Message for RoutedAck {
    type Result = bool;
}

impl AckGroup {
    /// The group of a peer with this engine-id.
    pub(crate) fn new(engine_id: EngineId, listener: Arc<str>, address: PeerAddress) -> Self {
        let host = match address {
            PeerAddress::Tcp(address) => Some(address.ip()),
            PeerAddress::Unix | PeerAddress::InMemory => None,
        };
        Self { engine_id, listener, host }
    }
}

impl AckRouter {
    pub(super) fn new(memory: &SharedBudget, counters: Rc<Counters>) -> Rc<Self> {
        Rc::new(Self {
            queues: RefCell::default(),
            elsewhere: RefCell::default(),
            under_way: RefCell::new(memory.share()),
            memory: memory.clone(),
            counters,
            log: RateLimit::default(),
        })
    }

    /// From now on, ACKs without a connection here are sent to these arbiters.
    pub(crate) fn know(&self, elsewhere: Vec<Recipient<RoutedAck>>) {
        *self.elsewhere.borrow_mut() = elsewhere;
    }

    /// Opens the queue of a connection for ACKs of its group.
    pub(crate) fn open(self: &Rc<Self>, group: AckGroup) -> AckQueue {
        let queue = Rc::new(Queue {
            acks: RefCell::default(),
            waiting: RefCell::new(self.memory.share()),
            waker: Cell::default(),
        });
        self.queues.borrow_mut().entry(group.clone()).or_default().push(Rc::clone(&queue));
        AckQueue { group, queue, ack_router: Rc::clone(self) }
    }

    /// Queues an ACK for a connection of this arbiter; returns it if there is none.
    #[expect(clippy::result_large_err, reason = "what could not be handed over comes back")]
    pub(crate) fn reroute(&self, RoutedAck { group, ack }: RoutedAck) -> Result<(), RoutedAck> {
        let queues = self.queues.borrow();
        let mut own = queues.get(&group).into_iter().flatten();
        // The first one with room: HAProxy takes the ACK on any of them, and busy ones have no
        // room.
        if let Some(queue) = own.find(|queue| queue.waiting.borrow().has_room()) {
            queue.push(ack);
            return Ok(());
        }
        if queues.contains_key(&group) {
            self.report_full();
        }
        Err(RoutedAck { group, ack })
    }

    /// Sends an ACK to a connection of another arbiter. It is dropped if there is none, or the
    /// limit of bytes on their way is reached.
    pub(crate) fn reroute_elsewhere(self: Rc<Self>, reroute: RoutedAck) {
        if !self.under_way.borrow().has_room() {
            self.report_full();
            return self.lose(1);
        }
        let bytes = weight(&reroute.ack);
        self.under_way.borrow_mut().add(bytes);
        // In a task, because other arbiters answer by message. The bytes count until the ACK is
        // queued.
        actix_rt::spawn(async move {
            if !self.is_taken_elsewhere(&reroute).await {
                self.lose(1);
            }
            self.under_way.borrow_mut().subtract(bytes);
        });
    }

    async fn is_taken_elsewhere(&self, RoutedAck { group, ack }: &RoutedAck) -> bool {
        let elsewhere = self.elsewhere.borrow().clone();
        // One after the other, with a copy each: an ACK that two arbiters take would be sent twice.
        for arbiter in elsewhere {
            if let Ok(true) =
                arbiter.send(RoutedAck { group: group.clone(), ack: ack.clone() }).await
            {
                return true;
            }
        }
        false
    }

    /// Counts dropped ACKs.
    fn lose(&self, acks: u64) {
        self.counters.count(|statistics| {
            statistics.notifies_cancelled += acks;
            statistics.acks_dropped += acks;
        });
    }

    /// Logs that the limit is reached.
    fn report_full(&self) {
        if let Some(suppressed) = self.log.permit() {
            log::warn!(
                suppressed,
                "rerouted ACK limit reached: dropped an ACK whose connection is lost; find out \
                 whether HAProxy reads its ACKs, or start the agent without --async"
            );
        }
    }
}

impl AckQueue {
    /// The next ACK to send.
    pub(crate) fn poll_next(&self, task: &mut Context<'_>) -> Option<Ack> {
        let next = self.queue.acks.borrow_mut().pop_front();
        match &next {
            Some(ack) => self.queue.waiting.borrow_mut().subtract(weight(ack)),
            None => self.queue.waker.set(Some(task.waker().clone())),
        }
        next
    }

    /// Whether the queue is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.acks.borrow().is_empty()
    }

    /// How many bytes the queue has.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.waiting.borrow().amount()
    }

    /// The group of the connection.
    pub(crate) fn group(&self) -> &AckGroup {
        &self.group
    }

    /// Closes the queue; returns the unsent ACKs.
    pub(crate) fn close(&self) -> VecDeque<Ack> {
        let mut queues = self.ack_router.queues.borrow_mut();
        if let Some(own) = queues.get_mut(&self.group) {
            own.retain(|queue| !Rc::ptr_eq(queue, &self.queue));
            if own.is_empty() {
                queues.remove(&self.group);
            }
        }
        // The caller routes them again, and counts them there.
        self.queue.waiting.borrow_mut().set(0);
        self.queue.acks.take()
    }
}

impl Drop for AckQueue {
    fn drop(&mut self) {
        let unsent = self.close().len() as u64;
        self.ack_router.lose(unsent);
    }
}

impl Queue {
    fn push(&self, ack: Ack) {
        self.waiting.borrow_mut().add(weight(&ack));
        self.acks.borrow_mut().push_back(ack);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Reservation {
    /// Whether the queue has room for more ACKs.
    fn has_room(&self) -> bool {
        self.amount() < CAPACITY && self.left() > 0
    }
}

fn weight(ack: &Ack) -> usize {
    ACK + ack.actions.encoded_len()
}
