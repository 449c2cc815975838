//! Telemetry options: logs, traces and metrics.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use spoa_actors::Scope;

use crate::telemetry::{
    logs::LogFormat,
    otlp::{OtlpFlags, Protocol},
};

/// What the agent reports about itself, and where. The standard variables have the rest.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Log and telemetry")]
pub(crate) struct TelemetryOptions {
    /// Filter the log on stderr: `debug`, or `warn,spoa_actors=debug` [default: `RUST_LOG`, or
    /// info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Set the format of a log line
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Send traces to this OTLP collector, such as `http://localhost:4317`
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
    /// Set the protocol of the collector [default: grpc if the port is 4317, else http/protobuf]
    #[arg(long, value_enum, value_name = "PROTOCOL", hide_short_help = true)]
    pub(crate) otlp_protocol: Option<Protocol>,
    /// Send this header to the collector; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, hide_short_help = true)]
    pub(crate) otlp_header: Vec<(String, String)>,
    /// Trust the CA in this PEM file for the collector's certificate [default: those of the system]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) otlp_ca: Option<PathBuf>,
    /// Send metrics to the collector too
    #[arg(long)]
    pub(crate) otlp_metrics: bool,
    /// Name this service in traces and metrics [default: the name of the program]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) service_name: Option<String>,
    /// Trace this ratio of NOTIFYs, from 0 to 1 [default: 1]
    ///
    /// If a NOTIFY has a parent, the parent's decision applies.
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub(crate) trace_ratio: Option<f64>,
    /// Trace another ratio of NOTIFYs with this message, such as check=0.1; repeatable
    #[arg(long, value_name = "NAME=RATIO", value_parser = message_ratio, hide_short_help = true)]
    pub(crate) trace_message: Vec<(String, f64)>,
    /// Trace NOTIFYs that fail or are late, even if they are not sampled [default: always]
    #[arg(long, value_enum, value_name = "WHICH", hide_short_help = true)]
    pub(crate) trace_failures: Option<TraceFailures>,
    /// Trace only NOTIFYs with a parent
    #[arg(long, hide_short_help = true)]
    pub(crate) trace_only_with_parent: bool,
    /// Read the parent of a NOTIFY from this argument, such as traceparent=tp; repeatable
    ///
    /// KIND is traceparent, tracestate, b3 or baggage. [default: traceparent=traceparent and
    /// tracestate=tracestate]
    #[arg(long, value_name = "KIND=NAME", value_parser = context_argument, hide_short_help = true)]
    pub(crate) trace_argument: Vec<(String, String)>,
    /// Set the variables with the agent's trace context in this scope, for HAProxy to forward
    #[arg(long, value_enum, value_name = "SCOPE", default_value_t, hide_short_help = true)]
    pub(crate) trace_hand_back: HandBack,
}

/// Whether failures are traced.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TraceFailures {
    /// From the first failure on
    Always,
    /// Only if they are sampled
    Sampled,
}

/// The scope in which the agent's context is handed back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum HandBack {
    #[default]
    Txn,
    Sess,
    Req,
    Res,
    Proc,
    None,
}

impl TelemetryOptions {
    /// The options for the collector.
    pub(crate) fn otlp_flags(&self) -> OtlpFlags {
        OtlpFlags {
            url: self.otlp.clone(),
            protocol: self.otlp_protocol,
            headers: self.otlp_header.clone(),
            ca: self.otlp_ca.clone(),
        }
    }
}

impl HandBack {
    pub(crate) fn scope(self) -> Option<Scope> {
        match self {
            Self::Txn => Some(Scope::Transaction),
            Self::Sess => Some(Scope::Session),
            Self::Req => Some(Scope::Request),
            Self::Res => Some(Scope::Response),
            Self::Proc => Some(Scope::Process),
            Self::None => None,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as x-api-key=secret".to_owned()),
    }
}

fn message_ratio(text: &str) -> Result<(String, f64), String> {
    let (name, value) = pair(text).map_err(|_| "write NAME=RATIO, such as check=0.1".to_owned())?;
    Ok((name, ratio(&value)?))
}

fn context_argument(text: &str) -> Result<(String, String), String> {
    let pair = pair(text).ok().filter(|(kind, name)| {
        matches!(&**kind, "traceparent" | "tracestate" | "b3" | "baggage") && !name.is_empty()
    });
    pair.ok_or_else(|| {
        "write KIND=NAME, such as traceparent=tp; KIND is traceparent, tracestate, b3 or baggage"
            .to_owned()
    })
}

/// A ratio from 0 to 1.
pub(crate) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "write a number from 0 to 1, such as 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_lies_between_0_and_1() {
        assert_eq!((ratio("0"), ratio("1"), ratio("0.01")), (Ok(0.0), Ok(1.0), Ok(0.01)));
        for bad in ["", "-0.1", "1.1", "NaN", "1%"] {
            assert!(ratio(bad).is_err(), "{bad}");
        }
    }
}
