//! Limit options: what the agent takes from all its peers together.

use std::time::Duration;

use clap::{
    Args,
    builder::{RangedU64ValueParser, TypedValueParser},
};
use spoa_actors::Limits;
use spoa_load::options::duration;

use crate::{cgroup, options};

/// What the agent takes from all its peers together.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// How many connections may be open; one more is refused if it is no health check. Each takes an
    /// open file, and so do 1,024 that are refused
    #[arg(long, value_name = "N", value_parser = count())]
    #[arg(default_value_t = Limits::default().connections)]
    pub(crate) max_connections: usize,
    /// Start even if the limit of open files is too low for --max-connections, and accept as many
    /// connections as it allows
    #[arg(long)]
    pub(crate) allow_fewer_connections: bool,
    /// How many TLS handshakes may be in progress; one more waits, and those that take longer than a
    /// second are closed
    #[arg(long, value_name = "N", value_parser = count())]
    #[arg(default_value_t = Limits::default().handshakes)]
    pub(crate) max_handshakes: usize,
    /// How many messages may wait for their answers; beyond, fallbacks are sent at once
    #[arg(long, value_name = "N", value_parser = count())]
    #[arg(default_value_t = Limits::default().in_flight_per_agent)]
    pub(crate) max_in_flight: usize,
    /// How much may be kept of unfinished frames, unread ACKs and messages in flight; beyond, connections
    /// with many messages in flight are not read, and those that keep most of the rest are ended [default:
    /// 256MiB, or a quarter of the cgroup's memory limit if that is less]
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    pub(crate) max_memory: Option<usize>,
    /// How long a frame may take from its first byte to its last
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub(crate) read_timeout: Duration,
}

impl LimitOptions {
    /// The limits of the library, these among them; a frame must fit into the memory.
    pub(crate) fn limits(&self, max_frame_size: u32) -> Limits {
        let usual = || cgroup::usual_memory(max_frame_size as usize);
        Limits {
            connections: self.max_connections,
            handshakes: self.max_handshakes,
            in_flight_per_agent: self.max_in_flight,
            memory: self.max_memory.unwrap_or_else(usual),
            read_timeout: self.read_timeout,
            ..Limits::default()
        }
    }
}

/// No system has room for more: with one descriptor and 2 KiB each, they would be 32 GiB.
fn count() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..=1 << 24)
}
