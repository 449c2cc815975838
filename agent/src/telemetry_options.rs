//! Telemetry options: logs, traces and metrics.

use clap::Args;

use crate::telemetry::logs::LogFormat;

const LOG_HELP: &str = "What is logged to stderr, such as debug or warn,spoa_actors=debug [default: RUST_LOG, or info]";

/// What the agent tells about itself, and where.
#[derive(Args, Debug)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct TelemetryOptions {
    #[arg(long, value_name = "FILTER", help = LOG_HELP)]
    pub(crate) log: Option<String>,
    /// How a line of the log looks
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}
