//! Shared: what the connections of a load have in common; all of them are on one thread.

use std::{
    cell::{Cell, RefCell},
    task::Waker,
    time::Instant,
};

use bytes::BytesMut;

use crate::load::{notify::Notify, tally::Tally};

/// Bytes are read in portions of this size, unless a frame is larger.
const INPUT: usize = 256 * 1024;

/// What the connections of a load have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    origin: Instant,
    pub(crate) notify: Notify,
    pub(crate) tally: RefCell<Tally>,
    pub(crate) buffers: RefCell<Buffers>,
    /// How many NOTIFYs shall still be sent.
    left: Cell<u64>,
    wakers: RefCell<Vec<Option<Waker>>>,
}

/// Lent to a connection for one wake-up.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) input: Vec<u8>,
    pub(crate) output: BytesMut,
}

impl Shared {
    pub(crate) fn new(notify: Notify, frames: u64, connections: usize, max_frame: usize) -> Self {
        let input = vec![0; INPUT.max(2 * max_frame)];
        Self {
            origin: Instant::now(),
            notify,
            tally: RefCell::new(Tally::new()),
            buffers: RefCell::new(Buffers { input, output: BytesMut::new() }),
            left: Cell::new(frames),
            wakers: RefCell::new(vec![None; connections]),
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn left(&self) -> u64 {
        self.left.get()
    }

    /// These have been sent.
    pub(crate) fn sent(&self, frames: u64) {
        self.left.set(self.left.get() - frames);
        self.tally.borrow_mut().in_flight += frames;
    }

    /// Lets no more NOTIFYs be sent.
    pub(crate) fn stop(&self) {
        self.left.set(0);
        self.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }

    /// Wakes one connection.
    pub(crate) fn wake(&self, connection: usize) {
        if let Some(waker) = &self.wakers.borrow()[connection] {
            waker.wake_by_ref();
        }
    }

    /// Remembers how to wake it.
    pub(crate) fn register(&self, connection: usize, waker: &Waker) {
        let slot = &mut self.wakers.borrow_mut()[connection];
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }
}
