//! Telemetry: logs, spans and metrics, from the start of the agent to its end.
//!
//! ```text
//! logs                          lines on stderr, with a filter that can be changed
//! metrics ─▶ family             what is counted, under the names that Prometheus and OTLP see
//! span_counts                   what became of spans
//! ```

pub(crate) mod environment;
pub(crate) mod family;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod otlp;
pub(crate) mod sampler;
pub(crate) mod settings;
pub(crate) mod span_counts;
pub(crate) mod spans;
pub(crate) mod throttle;
pub(crate) mod transport;
pub(crate) mod transport_error;
