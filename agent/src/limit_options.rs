//! Limit options: limits of the whole agent, and of its connections.

use clap::Args;
use spoa_actors::{Limit, Limits, spop::MAX_FRAME_SIZE_FLOOR};

use crate::{
    cgroup,
    option_values::{count, size},
    timeout_options::TimeoutOptions,
};

/// No system has more: at 2 KiB each, they would take 32 GiB.
const MOST: u64 = 1 << 24;
/// More than any machine has, and far from where sums overflow.
const LARGEST: u64 = 1 << 48;

/// Limits of the whole agent, and of its connections.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// Limit the open connections
    ///
    /// Further ones are refused, except health checks. Each takes a file descriptor.
    #[arg(long, value_name = "N", default_value = "10000")]
    #[arg(value_parser = count::<usize>(1..=MOST, "10000 or 10k"))]
    pub(crate) max_connections: usize,
    /// Start with fewer connections if the limit of open files is too low
    ///
    /// Without this option, the agent does not start if the limit of open files is too low for
    /// --max-connections.
    #[arg(long)]
    pub(crate) allow_fewer_connections: bool,
    /// Limit the connections over --max-connections, which are refused
    ///
    /// Health checks are among them, and are answered. A further connection replaces the oldest one
    /// that has sent no HELLO, or waits in the kernel's backlog.
    #[arg(long, value_name = "N", default_value = "1024", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "1024 or 1k"))]
    pub(crate) max_excess_connections: usize,
    /// Limit the TLS handshakes in progress
    ///
    /// Further ones wait. Meanwhile, a handshake that takes longer than a second is closed.
    #[arg(long, value_name = "N", default_value = "1000", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "1000 or 1k"))]
    pub(crate) max_handshakes: usize,
    /// Limit the messages that wait for answers in the whole agent
    ///
    /// Further ones get their fallbacks at once.
    #[arg(long, value_name = "N", default_value = "16384")]
    #[arg(value_parser = count::<usize>(1..=MOST, "16384 or 16k"))]
    pub(crate) max_messages: usize,
    /// Limit the messages that wait for answers on one connection
    ///
    /// At the limit, the connection is not read.
    #[arg(long, value_name = "N", default_value = "2048", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "2048 or 2k"))]
    pub(crate) max_messages_per_connection: usize,
    /// Limit the bytes that all connections together buffer [default: 256MiB, or a quarter of the
    /// cgroup's memory limit if that is less]
    ///
    /// Unfinished frames, unread ACKs and messages in flight count. At three quarters of the limit,
    /// connections with many messages in flight are not read. At the limit, those that
    /// buffer more than their share are closed.
    #[arg(long, value_name = "SIZE", value_parser = size::<usize>(1..=LARGEST, "256m"))]
    pub(crate) max_memory: Option<usize>,
    /// Limit the size of a frame; HAProxy's own limit applies if it is smaller
    #[arg(long, value_name = "SIZE", default_value = "1m", value_parser = frame_size())]
    pub(crate) max_frame_size: u32,
    /// Limit the size of a NOTIFY in fragments, which HAProxy up to 3.0 sends
    ///
    /// A larger one is not read, and its messages get their fallbacks.
    #[arg(long, value_name = "SIZE", default_value = "4m", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "4m"))]
    pub(crate) max_reassembled_size: usize,
    /// Limit the size of an ACK in fragments, which no HAProxy accepts
    #[arg(long, value_name = "SIZE", default_value = "4m", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "4m"))]
    pub(crate) max_fragmented_ack: usize,
    /// Limit the unread bytes of one connection
    ///
    /// At the limit, the connection is not read.
    #[arg(long, value_name = "SIZE", default_value = "256k", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "256k"))]
    pub(crate) output_buffer: usize,
}

impl LimitOptions {
    /// All limits of the library. If the memory is not given, a frame must fit into it.
    pub(crate) fn limits(&self, timeouts: &TimeoutOptions) -> Limits {
        let largest = self.max_reassembled_size.max(self.max_frame_size as usize);
        Limits::default()
            .deadline(timeouts.deadline)
            .connections(self.max_connections)
            .excess_connections(self.max_excess_connections)
            .handshakes(self.max_handshakes)
            .messages_per_connection(self.max_messages_per_connection)
            .messages(self.max_messages)
            .max_frame_size(self.max_frame_size)
            .max_reassembled_size(self.max_reassembled_size)
            .max_fragmented_ack(self.max_fragmented_ack)
            .hello_timeout(timeouts.hello_timeout)
            .read_timeout(timeouts.read_timeout)
            .memory(self.max_memory.unwrap_or_else(|| cgroup::usual_memory(largest)))
            .output_buffer(self.output_buffer)
            .write_timeout(timeouts.write_timeout)
            .refusal_delay(timeouts.refusal_delay)
            .max_connection_age(timeouts.max_connection_age)
            .start_timeout(timeouts.start_timeout)
            .notice_period(timeouts.notice_period)
            .shutdown_timeout(timeouts.shutdown_timeout)
    }
}

fn frame_size() -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    size(u64::from(MAX_FRAME_SIZE_FLOOR)..=u64::from(u32::MAX), "16k")
}

/// The option of a limit, for log lines and errors.
pub(crate) fn option(limit: Limit) -> &'static str {
    match limit {
        Limit::Deadline => "--deadline",
        Limit::Connections => "--max-connections",
        Limit::ExcessConnections => "--max-excess-connections",
        Limit::Handshakes => "--max-handshakes",
        Limit::MessagesPerConnection => "--max-messages-per-connection",
        Limit::Messages => "--max-messages",
        Limit::MaxFrameSize => "--max-frame-size",
        Limit::MaxReassembledSize => "--max-reassembled-size",
        Limit::MaxFragmentedAck => "--max-fragmented-ack",
        Limit::HelloTimeout => "--hello-timeout",
        Limit::ReadTimeout => "--read-timeout",
        Limit::Memory => "--max-memory",
        Limit::OutputBuffer => "--output-buffer",
        Limit::WriteTimeout => "--write-timeout",
        Limit::RefusalDelay => "--refusal-delay",
        Limit::MaxConnectionAge => "--max-connection-age",
        Limit::StartTimeout => "--start-timeout",
        Limit::NoticePeriod => "--notice-period",
        Limit::ShutdownTimeout => "--shutdown-timeout",
        other => other.path(),
    }
}
