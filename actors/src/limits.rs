//! Limits: how much one peer may ask of the agent.

use std::time::Duration;

use crate::{
    error::AgentError,
    limit::{Limit, LimitNames},
    spop::{MAX_FRAME_SIZE_FLOOR, Offer},
};

/// No limit is longer.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of an agent, with defaults that suit HAProxy as it comes.
///
/// Times are at most a day, and all but `refusal_delay` and `notice_period` longer than 0; counts are at
/// least 1. [`Agent::start`](crate::Agent::start) refuses others, and names them
/// ([`AgentError::BadLimit`]).
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Agent, Limits};
///
/// let limits = Limits::default().deadline(Duration::from_millis(200)).connections(1_000);
/// let agent = Agent::new().limits(limits);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// How long a message may take before its fallback is sent in place of its answer. It must be
    /// shorter than HAProxy's `timeout processing`. Default 1 s; a route may have its own. The shortest
    /// one of a route is for how long an ACK is held back when its connection ends for its age, or as
    /// the agent stops.
    pub deadline: Duration,
    /// How many connections the agent may have open, on all arbiters and listeners together. One
    /// more is refused with DISCONNECT 13 after [`refusal_delay`](Self::refusal_delay), if it is no
    /// health check. Each takes an open file. Default 10,000.
    pub connections: usize,
    /// How many connections over that limit may be open, to be refused; those of health checks are
    /// among them, and are answered. While there are as many, none is accepted: they wait in the
    /// backlog of the kernel. Each takes an open file, for a second at most until its HELLO has come.
    /// Default 1024.
    pub excess_connections: usize,
    /// How many TLS handshakes may be in progress, on all listeners together; each arbiter has its part
    /// of them, rounded up. One more waits for its turn, within [`hello_timeout`](Self::hello_timeout);
    /// meanwhile a handshake that takes longer than a second is ended. Each takes 64 KiB of
    /// [`memory`](Self::memory). Default 1,000.
    pub handshakes: usize,
    /// How many messages of one connection can wait for their answers; at the limit the connection
    /// is not read, and of one NOTIFY no more than that many wait. It is several times the concurrency
    /// of a route, so that a route that never answers does not stop the reading. Default 2048.
    pub messages_per_connection: usize,
    /// How many messages of all connections together can wait for their answers; at the limit,
    /// messages get their fallbacks at once, whether or not their handlers would have to wait.
    /// Default 16,384.
    pub messages: usize,
    /// The largest frame in bytes, the 4 of its length not counted; HAProxy announces its own, and
    /// the smaller one counts. At least 256, default 1 MiB.
    pub max_frame_size: u32,
    /// The largest NOTIFY that is put together from fragments, in bytes. Default 4 MiB.
    pub max_reassembled_size: usize,
    /// The largest ACK in bytes for a peer that takes ACKs in fragments; HAProxy does not, and gets
    /// at most max-frame-size. Actions beyond it are left out. Default 4 MiB.
    pub max_fragmented_ack: usize,
    /// How long a connection may take to say HELLO, PROXY header and TLS handshake included. Default
    /// 10 s.
    pub hello_timeout: Duration,
    /// How long a frame, or a NOTIFY in fragments, may take from its first byte to its last; then
    /// its connection is ended with DISCONNECT 2. HELLO has a time of its own. Default 30 s.
    pub read_timeout: Duration,
    /// How many bytes all connections together may keep between their wake-ups: frames that have
    /// begun, unfinished fragments, unread output, and NOTIFYs in flight: their payloads, and 1,280
    /// bytes for each message that waits. At three quarters of it, a connection that has more than its
    /// part in flight, which is `memory / connections`, is not read until answers have come; beyond all
    /// of it, one that keeps more than its part of the rest is ended with DISCONNECT 13 as it wakes up.
    /// At least `max_frame_size` and `max_reassembled_size`, default 256 MiB.
    pub memory: usize,
    /// How many bytes of ACKs may wait for a peer that does not read them; above, the connection is
    /// not read and no further answer is collected. Default 256 KiB.
    pub output_buffer: usize,
    /// How long a peer may read nothing of what waits for it; then its connection is closed. Default
    /// 30 s.
    pub write_timeout: Duration,
    /// How long a refused HELLO or connection waits for its answer: HAProxy up to 3.0 comes back at
    /// once, a thousand times a second. Default 100 ms.
    pub refusal_delay: Duration,
    /// How old a connection may become, give or take a tenth; then it ends with what it is asked next,
    /// as at a stop, and HAProxy opens another: so that a load balancer in between can spread them anew.
    /// An idle one is left to HAProxy. Nothing is lost but a NOTIFY that crosses the DISCONNECT, if every
    /// deadline is below `timeout processing`.
    ///
    /// One at a time ends so, in the whole agent: with deadlines of 1 s two a second, up to eight if 20
    /// NOTIFYs wait for their ACKs on each. One whose calls always outlast the shortest deadline, or
    /// 1 s, tries again after a tenth of its age, and ten such times at the least; with a shortest
    /// deadline below 10 ms it hardly ever ends. By default there is no such age.
    pub max_connection_age: Option<Duration>,
    /// How long a handler may take to start. Default 30 s.
    pub start_timeout: Duration,
    /// How long the agent goes on as before when it stops, but for health checks, which it refuses:
    /// the time for HAProxy to send its messages elsewhere. At least `inter` × `fall` of its `server`
    /// lines; if nobody has asked in the last 30 s there is none. A health check asks, and so does
    /// [`Observer::readiness`](crate::Observer::readiness). Default 7 s, as `inter 2s
    /// fall 3` is HAProxy's.
    pub notice_period: Duration,
    /// How long connections may take to end when the agent stops, after the notice period. Default
    /// 10 s.
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
                #[doc = concat!("The same with this `", stringify!($field), "`.")]
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

    /// How many bytes one connection may keep whatever the others do.
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

/// Refuses a time that is over before it begins, or that no clock can hold.
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
