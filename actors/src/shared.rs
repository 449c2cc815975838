//! What everything on one arbiter shares: routes, limits, counters, and the buffers it lends.

use std::{cell::Cell, rc::Rc};

use bytes::BytesMut;

use crate::{
    common::Common, health::Health, limits::Limits, quota::Quota, registry::Routes,
    statistics::Counters, throttle::Throttle,
};

/// What the connections of one arbiter share.
pub(crate) struct Shared {
    pub(crate) routes: Routes,
    pub(crate) limits: Limits,
    pub(crate) fill_empty_acks: bool,
    pub(crate) connections: Quota,
    pub(crate) refusals: Quota,
    pub(crate) in_flight: Quota,
    pub(crate) memory: Quota,
    pub(crate) counters: Rc<Counters>,
    pub(crate) health: Health,
    pub(crate) input: LentBuffer,
    pub(crate) output: LentBuffer,
    pub(crate) violations: Throttle,
    pub(crate) left_out: Throttle,
    pub(crate) oversize: Throttle,
    pub(crate) refused: Throttle,
    pub(crate) overdrawn: Throttle,
}

impl Shared {
    pub(crate) fn new(routes: Routes, common: Common, counters: Rc<Counters>) -> Self {
        let Common { limits, fill_empty_acks, connections, refusals, in_flight, memory } = common;
        Self {
            routes,
            limits,
            fill_empty_acks,
            connections,
            refusals,
            in_flight,
            memory,
            counters,
            health: Health::default(),
            input: LentBuffer::default(),
            output: LentBuffer::default(),
            violations: Throttle::default(),
            left_out: Throttle::default(),
            oversize: Throttle::default(),
            refused: Throttle::default(),
            overdrawn: Throttle::default(),
        }
    }
}

/// A buffer that the arbiter lends to whichever connection is awake, so that an idle one holds none.
#[derive(Default)]
pub(crate) struct LentBuffer(Cell<BytesMut>);

impl LentBuffer {
    /// What a sleeping connection keeps is copied into the lent buffer up to this size; beyond it,
    /// the connection has a buffer of its own.
    const SMALL: usize = 16 * 1024;
    /// A buffer that grew beyond this is not kept.
    const LARGE: usize = 1024 * 1024;
    /// A sleeping connection keeps no buffer that is more than so many times what is in it.
    const SLACK: usize = 4;

    /// Puts the lent buffer in the place of `kept`, with the bytes of `kept` in it.
    pub(crate) fn lend(&self, kept: &mut BytesMut) {
        if kept.capacity() <= Self::SMALL {
            let mut lent = self.0.take();
            lent.extend_from_slice(kept);
            *kept = lent;
        }
    }

    /// Takes the lent buffer back; what it still holds stays with the connection.
    pub(crate) fn take_back(&self, lent: &mut BytesMut) {
        if lent.len() > Self::SMALL && lent.capacity() <= Self::SLACK * lent.len() {
            return;
        }
        let kept = if lent.is_empty() { BytesMut::new() } else { BytesMut::from(&lent[..]) };
        let mut lent = std::mem::replace(lent, kept);
        lent.clear();
        if !lent.try_reclaim(Self::LARGE + 1) {
            self.0.set(lent);
        }
    }
}
