//! Limits: how much one peer may ask of the agent.

use std::time::Duration;

use crate::{
    error::AgentError,
    spop::{MAX_FRAME_SIZE_FLOOR, Offer},
};

const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of an agent, with defaults that suit HAProxy as it comes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How long a message may take before its fallback is sent in place of its answer. It must be
    /// shorter than HAProxy's `timeout processing`. Default 1 s; a route may have its own.
    pub deadline: Duration,
    /// How many messages of one connection may wait for their answers; at the bound the connection
    /// is not read, and of one NOTIFY no more than that many wait. Default 512.
    pub in_flight: usize,
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
    /// How many bytes of ACKs may wait for a peer that does not read them; above, the connection is
    /// not read and no further answer is collected. Default 256 KiB.
    pub output_buffer: usize,
    /// How long a peer may read nothing of what waits for it; then its connection is closed. Default
    /// 30 s.
    pub write_timeout: Duration,
    /// How long a refused HELLO waits for its answer: HAProxy up to 3.0 comes back at once, a
    /// thousand times a second. Default 100 ms.
    pub refusal_delay: Duration,
    /// How long connections may take to end when the agent stops. Default 10 s.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let Offer { max_frame_size, max_reassembled_size } = Offer::default();
        Self {
            deadline: Duration::from_secs(1),
            in_flight: 512,
            max_frame_size,
            max_reassembled_size,
            max_fragmented_ack: 4 << 20,
            hello_timeout: Duration::from_secs(10),
            output_buffer: 256 * 1024,
            write_timeout: Duration::from_secs(30),
            refusal_delay: Duration::from_millis(100),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        check_duration("deadline", self.deadline)?;
        check_duration("hello_timeout", self.hello_timeout)?;
        check_duration("write_timeout", self.write_timeout)?;
        check_duration("shutdown_timeout", self.shutdown_timeout)?;
        check("refusal_delay", self.refusal_delay <= MAX_DURATION, "at most a day")?;
        check("in_flight", self.in_flight > 0, "at least 1")?;
        check("output_buffer", self.output_buffer > 0, "at least 1")?;
        let is_frame_size = self.max_frame_size >= MAX_FRAME_SIZE_FLOOR;
        check("max_frame_size", is_frame_size, "at least 256")
    }

    /// How long no NOTIFY may have come for HAProxy to have sent all that it may without an ACK.
    ///
    /// What is held back meanwhile must not meet HAProxy's `timeout processing`, of which nothing is
    /// known here but that the deadline is below it.
    pub(crate) fn quiet_time(&self) -> Duration {
        (self.deadline / 10).clamp(Duration::from_millis(5), Duration::from_millis(100))
    }

    pub(crate) fn offer(&self) -> Offer {
        Offer {
            max_frame_size: self.max_frame_size,
            max_reassembled_size: self.max_reassembled_size,
        }
    }
}

/// Refuses a time that is over before it begins, or that no clock can hold.
pub(crate) fn check_duration(limit: &'static str, duration: Duration) -> Result<(), AgentError> {
    let is_possible = !duration.is_zero() && duration <= MAX_DURATION;
    check(limit, is_possible, "longer than 0 and at most a day")
}

fn check(limit: &'static str, is_met: bool, requirement: &'static str) -> Result<(), AgentError> {
    if is_met { Ok(()) } else { Err(AgentError::BadLimit { limit, requirement }) }
}
