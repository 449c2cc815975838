//! Arbiter context: shared on one arbiter: routes, limits, counters, and a buffer.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use bytes::BytesMut;
use tokio::time::{Duration, Instant};

#[cfg(feature = "tls")]
use super::handshake_permits::HandshakePermits;
use super::{
    ack_router::AckRouter, agent_context::AgentContext, connection_permits::ConnectionPermit,
    generation::Generation, health::Health, past_violations::PastViolations, peer_fault::PeerFault,
};
use crate::{
    limits::Limits,
    log,
    observe::{Cause, Counters, Group, LogLimits, Statistics},
    origin::{Peer, PeerAddress},
    route::Routes,
    spop::ForeignProtocol,
};

/// What the connections of one arbiter share.
pub(crate) struct ArbiterContext {
    /// What answers the messages of now.
    generation: RefCell<Rc<Generation>>,
    /// What holds now.
    limits: Cell<Limits>,
    /// Shared with the other arbiters.
    pub(crate) common: AgentContext,
    pub(crate) counters: Rc<Counters>,
    pub(crate) health: Health,
    pub(crate) past_violations: PastViolations,
    /// Set if the agent has `async`.
    pub(crate) ack_router: Option<Rc<AckRouter>>,
    pub(crate) input: ScratchBuffer,
    pub(crate) output: ScratchBuffer,
    /// The TLS handshakes in progress.
    #[cfg(feature = "tls")]
    pub(crate) handshakes: HandshakePermits,
    turns: Cell<u64>,
    log: LogLimits,
}

impl ArbiterContext {
    pub(crate) fn new(routes: Routes, common: AgentContext, counters: Rc<Counters>) -> Self {
        Self {
            limits: Cell::new(common.start_limits),
            generation: RefCell::new(Rc::new(Generation {
                number: 1,
                routes,
                traces: common.traces.clone(),
            })),
            ack_router: common
                .asynchronous
                .then(|| AckRouter::new(&common.memory, Rc::clone(&counters))),
            #[cfg(feature = "tls")]
            handshakes: HandshakePermits::new(common.start_limits.handshakes, common.arbiters),
            common,
            counters,
            health: Health::default(),
            past_violations: PastViolations::default(),
            input: ScratchBuffer::default(),
            output: ScratchBuffer::default(),
            turns: Cell::default(),
            log: LogLimits::default(),
        }
    }
}

impl ArbiterContext {
    /// What answers the messages of now: to be taken for one wake-up.
    #[inline]
    pub(crate) fn generation(&self) -> Rc<Generation> {
        Rc::clone(&self.generation.borrow())
    }

    /// What holds now.
    #[inline]
    pub(crate) fn limits(&self) -> Limits {
        self.limits.get()
    }

    /// Puts another generation in the place of this one, which is returned. No wake-up is in progress: those
    /// that come are answered by the other one.
    pub(crate) fn succeed(&self, next: Generation, limits: Limits) -> Rc<Generation> {
        self.limits.set(limits);
        self.generation.replace(Rc::new(next))
    }

    /// The statistics of this arbiter so far.
    pub(crate) fn statistics(&self) -> Statistics {
        self.counters.snapshot(self.generation().routes.statistics())
    }

    /// The number of the next turn, unique on this arbiter.
    pub(crate) fn next_turn(&self) -> u64 {
        let number = self.turns.get() + 1;
        self.turns.set(number);
        number
    }

    /// How long an ACK can be held back: HAProxy's `timeout processing` is not known here, but
    /// every deadline is below it.
    pub(crate) fn hold_time(&self) -> Duration {
        let shortest = self.generation().routes.shortest_deadline();
        shortest.unwrap_or(self.limits().deadline)
    }

    /// Permits a line about this cause, and returns how many were suppressed since the last one.
    pub(crate) fn limited(&self, cause: Cause) -> Option<u64> {
        self.log.permit(cause)
    }

    /// Counts a violation of the protocol, stores it for the status, and logs it.
    pub(crate) fn report_fault(&self, peer: &Peer, is_greeted: bool, fault: &PeerFault) {
        if is_greeted {
            self.counters.count(|statistics| statistics.violations.count(fault.reason()));
        } else {
            self.count_refusal(fault.reason());
        }
        let advice = self.advice(fault);
        if let Some(suppressed) = self.limited(Cause::Violation) {
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                status_code = %fault.status(),
                suppressed,
                "protocol violation: {fault}; {advice}"
            );
        }
        self.past_violations.keep(peer, fault, advice);
    }

    /// The fix; its last part is the limit that may be too low.
    fn advice(&self, fault: &PeerFault) -> String {
        let advice = fault.advice();
        match fault.limit() {
            Some(limit) => format!("{advice} or raise {}", self.common.name(limit)),
            None => advice.to_owned(),
        }
    }

    /// Counts a refused or missing HELLO.
    pub(crate) fn count_refusal(&self, reason: &'static str) {
        self.counters.count(|statistics| {
            statistics.hellos_refused += 1;
            statistics.hello_refusals.count(reason);
        });
    }

    /// Counts and logs a connection that begins with an unexpected protocol.
    pub(crate) fn report_mismatch(&self, peer: PeerAddress, mismatch: ProtocolMismatch) {
        let ProtocolMismatch { found, expected, advice } = mismatch;
        self.counters.count(|statistics| statistics.protocol_mismatches.count(found));
        if let Some(suppressed) = self.limited(Cause::ProtocolMismatch(found)) {
            let found: &dyn fmt::Display = match &found {
                Some(protocol) => protocol,
                None => &"plain SPOP or an unknown protocol",
            };
            log::warn!(%peer, suppressed, "expected {expected}, received {found}; {advice}");
        }
    }
}

/// Counts a connection as open, and holds its permit.
pub(crate) struct ConnectionGuard {
    counters: Rc<Counters>,
    since: Instant,
    listener: Rc<Group>,
    place: ConnectionPermit,
}

impl ConnectionGuard {
    /// The time for HELLO on a connection over the limit: others wait for its permit.
    const EXCESS_PATIENCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(
        place: ConnectionPermit,
        counters: Rc<Counters>,
        listener: &Arc<str>,
    ) -> Self {
        let is_excess = place.is_excess();
        counters.count(|statistics| {
            if is_excess {
                statistics.excess_connections += 1;
            } else {
                statistics.connections_accepted += 1;
                statistics.connections_open += 1;
            }
        });
        let listener = match is_excess {
            true => Group::new(Arc::clone(listener)),
            false => counters.listeners.join(listener),
        };
        Self { counters, since: Instant::now(), listener, place }
    }

    /// Whether it is over the limit: only health checks are answered on it.
    pub(crate) fn is_excess(&self) -> bool {
        self.place.is_excess()
    }

    /// The peer has sent its HELLO.
    pub(crate) fn speak(&self) {
        if let Some(excess) = self.place.excess() {
            excess.speak();
        }
    }

    /// When HELLO and the preamble must be complete.
    pub(crate) fn hello_deadline(&self, limits: &Limits) -> Instant {
        let patience = limits.hello_timeout;
        self.since + if self.is_excess() { patience.min(Self::EXCESS_PATIENCE) } else { patience }
    }

    /// The listener of the connection.
    pub(crate) fn listener(&self) -> &Arc<str> {
        self.listener.name()
    }

    /// When the connection was accepted.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let is_excess = self.is_excess();
        self.counters.count(|statistics| {
            if is_excess {
                statistics.excess_connections -= 1;
            } else {
                statistics.connections_open -= 1;
            }
        });
    }
}

/// A connection that begins with an unexpected protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProtocolMismatch {
    /// The received protocol; `None` if unknown, such as plain SPOP where TLS is expected.
    pub(crate) found: Option<ForeignProtocol>,
    pub(crate) expected: &'static str,
    pub(crate) advice: &'static str,
}

/// A buffer that the arbiter lends to the awake connection, so that idle ones have none.
#[derive(Default)]
pub(crate) struct ScratchBuffer(Cell<BytesMut>);

impl ScratchBuffer {
    /// Up to this size, the bytes of a sleeping connection are copied into the lent buffer; above
    /// it, the connection keeps its own buffer.
    const SMALL: usize = 16 * 1024;
    /// A larger buffer is freed.
    const LARGE: usize = 1024 * 1024;
    /// A sleeping connection's buffer has up to this many times the size of its bytes.
    const SLACK: usize = 4;

    /// Replaces `kept` by the lent buffer, with the bytes of `kept` in it; how much of it was spent
    /// before is unknown.
    #[inline]
    pub(crate) fn lend(&self, kept: &mut BytesMut, spent: &mut Option<usize>) {
        if kept.capacity() <= Self::SMALL {
            *spent = None;
            let was_kept = std::mem::replace(kept, self.0.take());
            if !was_kept.is_empty() {
                kept.extend_from_slice(&was_kept);
            }
        }
    }

    /// Takes the lent buffer back; its remaining bytes stay with the connection. `spent` is how
    /// many bytes were taken from the front of a buffer of the connection's own, which it still
    /// has.
    #[inline]
    pub(crate) fn take_back(&self, lent: &mut BytesMut, spent: &mut Option<usize>) {
        if lent.len() > Self::SMALL
            && let Some(spent) = *spent
            && lent.capacity() + spent <= Self::SLACK * lent.len()
        {
            return;
        }
        *spent = Some(0);
        let kept = if lent.is_empty() { BytesMut::new() } else { BytesMut::from(&lent[..]) };
        let mut lent = std::mem::replace(lent, kept);
        lent.clear();
        // Its remaining capacity at the end is enough to know: later it has its full size again.
        if lent.capacity() <= Self::LARGE {
            self.0.set(lent);
        }
    }
}
