//! Detour: the way of an ACK whose own connection has gone, over another of the same engine.
//!
//! HAProxy up to 3.0 takes an ACK on any connection of its engine, if both sides have said `async` on
//! it. From 3.1 on it never says so, and would take the ACK for the answer to another client.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    task::{Context, Waker},
};

use actix::Recipient;

use crate::{
    counters::Counters,
    spop::{Ack, EngineId},
};

/// How many bytes of actions may wait for one connection to take them, each ACK counted as at least
/// [`LEAST`] of them.
const CAPACITY: usize = 1 << 20;
const LEAST: usize = 64;

/// The detours of one arbiter.
pub(crate) struct Detours {
    /// The connections that have agreed on `async`.
    lanes: RefCell<HashMap<EngineId, Vec<Rc<Queue>>>>,
    /// The other arbiters of the agent.
    elsewhere: RefCell<Vec<Recipient<Reroute>>>,
    counters: Rc<Counters>,
}

/// The side of a connection that takes the ACKs of others; closed when it is dropped.
pub(crate) struct Lane {
    engine_id: EngineId,
    queue: Rc<Queue>,
    detours: Rc<Detours>,
}

#[derive(Default)]
struct Queue {
    acks: RefCell<VecDeque<Ack>>,
    /// How many bytes wait in them.
    waiting: Cell<usize>,
    waker: Cell<Option<Waker>>,
}

/// Sends an ACK on a connection of this engine; answered with whether there is one.
pub(crate) struct Reroute {
    pub(crate) engine_id: EngineId,
    pub(crate) ack: Ack,
}

impl actix::Message for Reroute {
    type Result = bool;
}

impl Detours {
    pub(crate) fn new(counters: Rc<Counters>) -> Rc<Self> {
        Rc::new(Self { lanes: RefCell::default(), elsewhere: RefCell::default(), counters })
    }

    /// From now on, what has no way here is sent to these arbiters.
    pub(crate) fn know(&self, elsewhere: Vec<Recipient<Reroute>>) {
        *self.elsewhere.borrow_mut() = elsewhere;
    }

    /// A connection of this engine takes the ACKs of others.
    pub(crate) fn open(self: &Rc<Self>, engine_id: EngineId) -> Lane {
        let queue = Rc::<Queue>::default();
        self.lanes.borrow_mut().entry(engine_id.clone()).or_default().push(Rc::clone(&queue));
        Lane { engine_id, queue, detours: Rc::clone(self) }
    }

    /// Hands an ACK to a connection of this arbiter; gives it back if there is none.
    #[expect(clippy::result_large_err, reason = "what could not be handed over comes back")]
    pub(crate) fn reroute(&self, Reroute { engine_id, ack }: Reroute) -> Result<(), Reroute> {
        let lanes = self.lanes.borrow();
        let mut queues = lanes.get(&engine_id).into_iter().flatten();
        match queues.find(|queue| queue.waiting.get() < CAPACITY) {
            Some(queue) => {
                queue.push(ack);
                Ok(())
            }
            None => Err(Reroute { engine_id, ack }),
        }
    }

    /// Hands an ACK to a connection of another arbiter; it is dropped if there is none.
    pub(crate) async fn reroute_elsewhere(&self, Reroute { engine_id, ack }: Reroute) {
        let elsewhere = self.elsewhere.borrow().clone();
        for arbiter in elsewhere {
            let (engine_id, ack) = (engine_id.clone(), ack.clone());
            if let Ok(true) = arbiter.send(Reroute { engine_id, ack }).await {
                return;
            }
        }
        self.counters.count(|statistics| statistics.cancelled += 1);
    }
}

impl Lane {
    /// The next ACK to send.
    pub(crate) fn poll_next(&self, task: &mut Context<'_>) -> Option<Ack> {
        let next = self.queue.acks.borrow_mut().pop_front();
        match &next {
            Some(ack) => self.queue.waiting.set(self.queue.waiting.get() - weight(ack)),
            None => self.queue.waker.set(Some(task.waker().clone())),
        }
        next
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.acks.borrow().is_empty()
    }

    /// Whose connection it is.
    pub(crate) fn engine_id(&self) -> &EngineId {
        &self.engine_id
    }

    /// Takes no more; gives back what was not sent.
    pub(crate) fn close(&self) -> VecDeque<Ack> {
        let mut lanes = self.detours.lanes.borrow_mut();
        if let Some(queues) = lanes.get_mut(&self.engine_id) {
            queues.retain(|queue| !Rc::ptr_eq(queue, &self.queue));
            if queues.is_empty() {
                lanes.remove(&self.engine_id);
            }
        }
        self.queue.acks.take()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let unsent = self.close().len() as u64;
        self.detours.counters.count(|statistics| statistics.cancelled += unsent);
    }
}

impl Queue {
    fn push(&self, ack: Ack) {
        self.waiting.set(self.waiting.get() + weight(&ack));
        self.acks.borrow_mut().push_back(ack);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn weight(ack: &Ack) -> usize {
    ack.actions.encoded_len().max(LEAST)
}
