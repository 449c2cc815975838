//! Telemetry: logs, spans and metrics, from the start of the agent to its end.
//!
//! ```text
//! logs                          lines on stderr, with a filter that can be changed
//! metrics ─▶ family             what is counted, under the names that Prometheus and OTLP see
//! span_counts                   what became of spans
//! ```

pub(crate) mod family;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod span_counts;
