//! Timeout options: how long the agent waits.

use std::time::Duration;

use crate::option_values::{duration, duration_or_zero};
use clap::Args;

/// How long the agent waits.
#[derive(Args, Debug)]
#[command(next_help_heading = "Timeouts")]
pub(crate) struct TimeoutOptions {
    /// Send the fallback of a message that is not answered within this time
    ///
    /// It must be shorter than HAProxy's `timeout processing`.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    pub(crate) deadline: Duration,
    /// At a stop, keep serving for this time with failing health checks
    ///
    /// It must be at least `inter` times `fall` of HAProxy's server line. If no health check
    /// arrived in the last 30 s, the agent skips this step. 0s: no notice.
    #[arg(long, value_name = "DURATION", value_parser = duration_or_zero, default_value = "7s")]
    pub(crate) notice_period: Duration,
    /// At a stop, wait up to this time for connections, then for handlers
    ///
    /// It begins after the notice period.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    #[arg(hide_short_help = true)]
    pub(crate) shutdown_timeout: Duration,
    /// Fail the start of a handler that takes longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    #[arg(hide_short_help = true)]
    pub(crate) start_timeout: Duration,
    /// Limit the time of PROXY header, TLS handshake and HELLO together
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    #[arg(hide_short_help = true)]
    pub(crate) hello_timeout: Duration,
    /// Limit the time of a frame from its first byte to its last
    ///
    /// The same holds for a NOTIFY in fragments, and for a TLS record.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    #[arg(hide_short_help = true)]
    pub(crate) read_timeout: Duration,
    /// Close a connection whose peer reads nothing for this long
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    #[arg(hide_short_help = true)]
    pub(crate) write_timeout: Duration,
    /// Delay the answer to a refused HELLO or connection by this time
    ///
    /// HAProxy up to 3.0 connects again at once.
    #[arg(long, value_name = "DURATION", value_parser = duration_or_zero, default_value = "100ms")]
    #[arg(hide_short_help = true)]
    pub(crate) refusal_delay: Duration,
    /// Close connections older than this (±10 %), so that HAProxy reconnects [default: never]
    ///
    /// A load balancer between HAProxy and agents can then distribute them again.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_connection_age: Option<Duration>,
}
