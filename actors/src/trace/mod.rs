//! Turns NOTIFYs into OpenTelemetry spans.
//!
//! | file | what |
//! |---|---|
//! | `traces`, `sampling` | whether there are spans, and of which NOTIFYs |
//! | `trace_parent` | the span that a message names as its parent |
//! | `connection_trace` | the common parts of one connection's spans |
//! | `notify_trace` | the spans of one NOTIFY and of its calls |

mod connection_trace;
mod notify_trace;
mod sampling;
mod trace_parent;
mod traces;

pub(crate) use connection_trace::ConnectionTrace;
pub(crate) use notify_trace::NotifyTrace;
pub use sampling::Sampling;
pub use traces::Traces;
