//! Limit options: what the agent takes from all its peers together.

use clap::Args;
use spoa_actors::{Limit, Limits, spop::MAX_FRAME_SIZE_FLOOR};

use crate::{
    cgroup,
    option_values::{count, size},
    timeout_options::TimeoutOptions,
};

/// No system has room for more: with one descriptor and 2 KiB each, they would be 32 GiB.
const MOST: u64 = 1 << 24;
/// More than any machine has, and far from where sums overflow.
const LARGEST: u64 = 1 << 48;

/// What the agent takes from all its peers together.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// How many connections may be open
    ///
    /// One more is refused, if it is no health check. Each takes an open file.
    #[arg(long, value_name = "N", default_value = "10000")]
    #[arg(value_parser = count::<usize>(1..=MOST, "10000 or 10k"))]
    pub(crate) max_connections: usize,
    /// Start with fewer connections if the limit of open files is too low
    ///
    /// Without it, the agent does not start if the limit of open files is too low for --max-connections.
    #[arg(long)]
    pub(crate) allow_fewer_connections: bool,
    /// How many connections over --max-connections may be open, to be refused
    ///
    /// Those of health checks are among them, and are answered. One more takes the place of the oldest that
    /// has sent no HELLO, or waits in the kernel's backlog.
    #[arg(long, value_name = "N", default_value = "1024", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "1024 or 1k"))]
    pub(crate) max_excess_connections: usize,
    /// How many TLS handshakes may be in progress
    ///
    /// One more waits, and those that take longer than a second are closed.
    #[arg(long, value_name = "N", default_value = "1000", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "1000 or 1k"))]
    pub(crate) max_handshakes: usize,
    /// How many messages may wait for their answers in the whole agent
    ///
    /// Beyond it, fallbacks are sent at once.
    #[arg(long, value_name = "N", default_value = "16384")]
    #[arg(value_parser = count::<usize>(1..=MOST, "16384 or 16k"))]
    pub(crate) max_messages: usize,
    /// How many messages may wait for their answers on one connection
    ///
    /// At this number the connection is not read.
    #[arg(long, value_name = "N", default_value = "2048", hide_short_help = true)]
    #[arg(value_parser = count::<usize>(1..=MOST, "2048 or 2k"))]
    pub(crate) max_messages_per_connection: usize,
    /// How many bytes all connections together may buffer [default: 256MiB, or a quarter of the cgroup's
    /// memory limit if that is less]
    ///
    /// Unfinished frames, unread ACKs and messages in flight count. At three quarters of it, connections
    /// with many messages in flight are not read. Beyond it, those that buffer most of the rest are closed.
    #[arg(long, value_name = "SIZE", value_parser = size::<usize>(1..=LARGEST, "256m"))]
    pub(crate) max_memory: Option<usize>,
    /// The largest frame; HAProxy announces its own, and the smaller one counts
    #[arg(long, value_name = "SIZE", default_value = "1m", value_parser = frame_size())]
    pub(crate) max_frame_size: u32,
    /// The largest NOTIFY in fragments, which HAProxy up to 3.0 sends
    ///
    /// A larger one is not read, and gets the fallbacks of its messages.
    #[arg(long, value_name = "SIZE", default_value = "4m", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "4m"))]
    pub(crate) max_reassembled_size: usize,
    /// The largest ACK for a peer that takes ACKs in fragments, which HAProxy does not
    #[arg(long, value_name = "SIZE", default_value = "4m", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "4m"))]
    pub(crate) max_fragmented_ack: usize,
    /// How much may wait on one connection for a peer that does not read
    ///
    /// Above it, the connection is not read.
    #[arg(long, value_name = "SIZE", default_value = "256k", hide_short_help = true)]
    #[arg(value_parser = size::<usize>(1..=LARGEST, "256k"))]
    pub(crate) output_buffer: usize,
}

impl LimitOptions {
    /// All limits of the library. A frame must fit into the memory unless that is given.
    pub(crate) fn limits(&self, timeouts: &TimeoutOptions) -> Limits {
        let largest = self.max_reassembled_size.max(self.max_frame_size as usize);
        // No rest of the defaults: a limit without an option does not compile.
        Limits {
            deadline: timeouts.deadline,
            connections: self.max_connections,
            excess_connections: self.max_excess_connections,
            handshakes: self.max_handshakes,
            messages_per_connection: self.max_messages_per_connection,
            messages: self.max_messages,
            max_frame_size: self.max_frame_size,
            max_reassembled_size: self.max_reassembled_size,
            max_fragmented_ack: self.max_fragmented_ack,
            hello_timeout: timeouts.hello_timeout,
            read_timeout: timeouts.read_timeout,
            memory: self.max_memory.unwrap_or_else(|| cgroup::usual_memory(largest)),
            output_buffer: self.output_buffer,
            write_timeout: timeouts.write_timeout,
            refusal_delay: timeouts.refusal_delay,
            max_connection_age: timeouts.max_connection_age,
            start_timeout: timeouts.start_timeout,
            notice_period: timeouts.notice_period,
            shutdown_timeout: timeouts.shutdown_timeout,
        }
    }
}

fn frame_size() -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    size(u64::from(MAX_FRAME_SIZE_FLOOR)..=u64::from(u32::MAX), "16k")
}

/// The option of a limit, for lines of the log and errors.
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
