//! Limits: what an agent accepts from its peers, and how long it waits.

use std::time::Duration;

use crate::{
    error::AgentError,
    limit::{Limit, LimitNames},
    spop::{MAX_FRAME_SIZE_FLOOR, Offer},
};

/// The longest duration.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits what an agent accepts from its peers. The defaults suit HAProxy without changes.
///
/// Durations are longer than 0 (`refusal_delay` and `notice_period` can be 0) and up to a day;
/// counts are at least 1. [`Agent::start`](crate::Agent::start) refuses other values with
/// [`AgentError::BadLimit`].
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Agent, Limits};
///
/// let limits = Limits::default().deadline(Duration::from_millis(200)).connections(1_000);
/// let agent = Agent::new().limits(limits);
/// ```
///
/// A [reload](crate::Reloader) can change most limits:
///
/// | limits | take effect |
/// |---|---|
/// | `deadline`, `start_timeout`, `messages_per_connection`, `output_buffer`, `read_timeout`, `write_timeout`, `refusal_delay`, `notice_period`, `shutdown_timeout` | with the reload, also for open connections |
/// | `hello_timeout`, `max_connection_age`, `max_frame_size`, `max_reassembled_size`, `max_fragmented_ack` | for connections that are opened after the reload |
/// | `connections`, `excess_connections`, `handshakes`, `messages`, `memory` | with a restart: the reload is refused ([`ReloadError::NeedsRestart`](crate::ReloadError::NeedsRestart)) |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The time for an answer; then the message gets its fallback. It must be shorter than
    /// HAProxy's `timeout processing`. A route can have its own deadline. If a connection ends at a
    /// stop or for its age, ACKs are held back for up to the shortest deadline of a route. Default
    /// 1 s.
    pub deadline: Duration,
    /// Open connections, on all arbiters and listeners together. Further ones are refused with
    /// DISCONNECT 13 after [`refusal_delay`](Self::refusal_delay), except health checks. Each takes
    /// a file descriptor. Default 10,000.
    pub connections: usize,
    /// Open connections over that limit: health checks, which are answered, and connections to
    /// refuse. When this limit is reached, further connections wait in the kernel's backlog. Each
    /// takes a file descriptor, for up to 1 s until its HELLO has arrived. Default 1,024.
    pub excess_connections: usize,
    /// TLS handshakes in progress, on all listeners together. Each arbiter has an equal share,
    /// rounded up. Further ones wait within [`hello_timeout`](Self::hello_timeout); meanwhile, a
    /// handshake that takes longer than 1 s is closed. Each takes 64 KiB of
    /// [`memory`](Self::memory). Default 1,000.
    pub handshakes: usize,
    /// Messages of one connection that wait for answers. At the limit, the connection is not read,
    /// and further messages of the same NOTIFY get their fallbacks. It is several times the
    /// concurrency of a route, so that a route that never answers does not stop the reading.
    /// Default 2,048.
    pub messages_per_connection: usize,
    /// Messages of all connections together that wait for answers. At the limit, further messages
    /// get their fallbacks at once, even if their handlers would answer at once. Default 16,384.
    pub messages: usize,
    /// The largest frame in bytes, without the 4 bytes of its length. If HAProxy announces a
    /// smaller one, that one applies. At least 256, default 1 MiB.
    pub max_frame_size: u32,
    /// The largest NOTIFY that is reassembled from fragments, in bytes. Default 4 MiB.
    pub max_reassembled_size: usize,
    /// The largest ACK in bytes for a peer that accepts ACKs in fragments. HAProxy does not: its
    /// limit is max-frame-size. Actions over the limit are dropped. Default 4 MiB.
    pub max_fragmented_ack: usize,
    /// The time for PROXY header, TLS handshake and HELLO together. Default 10 s.
    pub hello_timeout: Duration,
    /// The time for a frame, or a NOTIFY in fragments, from its first byte to its last. Then the
    /// connection is closed with DISCONNECT 2. HELLO has its own limit. Default 30 s.
    pub read_timeout: Duration,
    /// Bytes that all connections together buffer between their wake-ups: incomplete frames and
    /// fragments, unread output, and NOTIFYs in flight with 1,280 bytes per waiting message. At
    /// three quarters, a connection with more than its share in flight, `memory / connections`, is
    /// not read until answers arrive. At the limit, a connection that buffers more than its share
    /// of the rest is closed with DISCONNECT 13 as it wakes up. At least `max_frame_size` and
    /// `max_reassembled_size`, default 256 MiB.
    pub memory: usize,
    /// Bytes of ACKs that wait for a peer that does not read them. At the limit, the connection is
    /// not read, and no further answers are collected. Default 256 KiB.
    pub output_buffer: usize,
    /// How long a peer can leave its output unread. Then its connection is closed. Default 30 s.
    pub write_timeout: Duration,
    /// How long the answer to a refused HELLO or connection is delayed: HAProxy up to 3.0
    /// reconnects at once, a thousand times per second. Default 100 ms.
    pub refusal_delay: Duration,
    /// Closes connections older than this (±10 %) after their next request, as at a stop. HAProxy
    /// then reconnects, so that a load balancer can distribute the connections again. Idle
    /// connections stay open. No request is lost except one that crosses the DISCONNECT, if every
    /// deadline is below `timeout processing`. Default: never.
    ///
    /// The whole agent closes one connection at a time: with deadlines of 1 s two per second, and
    /// up to eight if 20 NOTIFYs wait on each. If the calls of a connection always outlast the
    /// shortest deadline, or 1 s, the agent tries again after a tenth of the age, and at least
    /// after ten such deadlines. With a shortest deadline below 10 ms, connections are hardly ever
    /// closed.
    pub max_connection_age: Option<Duration>,
    /// How long the start of a handler can take. Default 30 s.
    pub start_timeout: Duration,
    /// How long the agent keeps serving at a stop while it refuses health checks, so that HAProxy
    /// sends its messages elsewhere. At least `inter` × `fall` of HAProxy's `server` lines. If no
    /// health check arrived in the last 30 s, and nothing called
    /// [`Observer::readiness`](crate::Observer::readiness), the agent skips it. Default 7 s, for
    /// HAProxy's `inter 2s fall 3`.
    pub notice_period: Duration,
    /// How long connections can take to close at a stop, after the notice period. Default 10 s.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let Offer { max_frame_size, max_reassembled_size, .. } = Offer::default();
        Self {
            deadline: Duration::from_secs(1),
            connections: 10_000,
            excess_connections: 1024,
            handshakes: 1000,
            messages_per_connection: 2048,
            messages: 16_384,
            max_frame_size,
            max_reassembled_size,
            max_fragmented_ack: 4 << 20,
            hello_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            memory: 256 << 20,
            output_buffer: 256 * 1024,
            write_timeout: Duration::from_secs(30),
            refusal_delay: Duration::from_millis(100),
            max_connection_age: None,
            start_timeout: Duration::from_secs(30),
            notice_period: Duration::from_secs(7),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// A method for each field. A field without one does not compile.
macro_rules! setters {
    ($($field:ident: $value:ty,)+) => {
        impl Limits {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $value) -> Self {
                    self.$field = $field.into();
                    self
                }
            )+

            fn _has_a_setter_for_each_field(self) {
                let Self { $($field: _),+ } = self;
            }
        }
    };
}

setters! {
    deadline: Duration,
    connections: usize,
    excess_connections: usize,
    handshakes: usize,
    messages_per_connection: usize,
    messages: usize,
    max_frame_size: u32,
    max_reassembled_size: usize,
    max_fragmented_ack: usize,
    hello_timeout: Duration,
    read_timeout: Duration,
    memory: usize,
    output_buffer: usize,
    write_timeout: Duration,
    refusal_delay: Duration,
    max_connection_age: impl Into<Option<Duration>>,
    start_timeout: Duration,
    notice_period: Duration,
    shutdown_timeout: Duration,
}

impl Limits {
    pub(crate) fn check(&self, names: LimitNames) -> Result<(), AgentError> {
        for (limit, time) in [
            (Limit::Deadline, self.deadline),
            (Limit::HelloTimeout, self.hello_timeout),
            (Limit::ReadTimeout, self.read_timeout),
            (Limit::WriteTimeout, self.write_timeout),
            (Limit::StartTimeout, self.start_timeout),
            (Limit::ShutdownTimeout, self.shutdown_timeout),
            (Limit::MaxConnectionAge, self.max_connection_age.unwrap_or(MAX_DURATION)),
        ] {
            check_duration(names.of(limit), time)?;
        }
        for (limit, time) in
            [(Limit::RefusalDelay, self.refusal_delay), (Limit::NoticePeriod, self.notice_period)]
        {
            check(names.of(limit), time <= MAX_DURATION, "at most a day")?;
        }
        for (limit, count) in [
            (Limit::Connections, self.connections),
            (Limit::ExcessConnections, self.excess_connections),
            (Limit::Handshakes, self.handshakes),
            (Limit::MessagesPerConnection, self.messages_per_connection),
            (Limit::Messages, self.messages),
            (Limit::OutputBuffer, self.output_buffer),
            (Limit::MaxReassembledSize, self.max_reassembled_size),
            (Limit::MaxFragmentedAck, self.max_fragmented_ack),
        ] {
            check(names.of(limit), count > 0, "at least 1")?;
        }
        let largest = self.max_reassembled_size.max(self.max_frame_size as usize);
        let [frame, notify] =
            [Limit::MaxFrameSize, Limit::MaxReassembledSize].map(|limit| names.of(limit));
        let requirement = format!("at least {largest} bytes, the larger of {frame} and {notify}");
        check(names.of(Limit::Memory), self.memory >= largest, requirement)?;
        let is_frame_size = self.max_frame_size >= MAX_FRAME_SIZE_FLOOR;
        check(names.of(Limit::MaxFrameSize), is_frame_size, "at least 256")
    }

    /// The first of these limits that others have another value for, and that a reload cannot change: what all
    /// arbiters share is allotted as the agent starts.
    pub(crate) fn needs_restart(&self, others: &Self) -> Option<Limit> {
        let totals = |limits: &Self| {
            [
                (Limit::Connections, limits.connections),
                (Limit::ExcessConnections, limits.excess_connections),
                (Limit::Handshakes, limits.handshakes),
                (Limit::Messages, limits.messages),
                (Limit::Memory, limits.memory),
            ]
        };
        let pairs = totals(self).into_iter().zip(totals(others));
        pairs.into_iter().find(|(own, other)| own != other).map(|((limit, _), _)| limit)
    }

    /// How many bytes one connection can always buffer.
    pub(crate) fn part(&self) -> usize {
        self.memory / self.connections
    }

    pub(crate) fn offer(&self) -> Offer {
        Offer {
            max_frame_size: self.max_frame_size,
            max_reassembled_size: self.max_reassembled_size,
            ..Offer::default()
        }
    }
}

/// Refuses 0, and durations that a clock cannot represent.
pub(crate) fn check_duration(limit: &'static str, duration: Duration) -> Result<(), AgentError> {
    let is_possible = !duration.is_zero() && duration <= MAX_DURATION;
    check(limit, is_possible, "longer than 0 and at most a day")
}

pub(crate) fn check(
    limit: &'static str,
    is_met: bool,
    requirement: impl Into<String>,
) -> Result<(), AgentError> {
    if is_met {
        Ok(())
    } else {
        Err(AgentError::BadLimit { limit, requirement: requirement.into() })
    }
}
