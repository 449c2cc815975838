//! What an agent counts, and how often it logs: statistics per arbiter, summed on request.
//!
//! [`Statistics`] has all counts. Get it from [`RunningAgent::statistics`](crate::RunningAgent::statistics),
//! [`Observer::statistics`](crate::Observer::statistics), or [`Status`](crate::status::Status).
//!
//! | file | what |
//! |---|---|
//! | `statistics`, `counters` | all counts of an agent, and the live counts of one arbiter |
//! | `route_statistics`, `route_metrics` | the same for one route |
//! | `layer_count` | what the layers of a route did |
//! | `unrouted`, `argument_seen` | messages without a route by name; the arguments of a message, without their values |
//! | `listener_statistics`, `listener_counters` | the same for one listener, where connections are accepted |
//! | `engine_statistics`, `group` | connections of one engine; connections with a common property |
//! | `frame_counts`, `status_counts`, `reasons`, `protocol_mismatches` | frames by type, DISCONNECTs by status-code, refusals by reason, unexpected protocols |
//! | `outcome`, `histogram`, `latencies` | what happened to a message, and how long it took |
//! | `log_limits`, `rate_limit` | one log line per second for each cause |

mod argument_seen;
mod counters;
mod engine_statistics;
mod frame_counts;
mod group;
mod histogram;
mod latencies;
mod layer_count;
mod listener_counters;
mod listener_statistics;
mod log_limits;
mod outcome;
mod protocol_mismatches;
mod rate_limit;
mod reasons;
mod reload_statistics;
mod route_metrics;
mod route_statistics;
mod statistics;
mod status_counts;
mod unrouted;

pub use argument_seen::ArgumentSeen;
pub(crate) use counters::Counters;
pub(crate) use engine_statistics::EngineNames;
pub use engine_statistics::EngineStatistics;
pub use frame_counts::{FrameCount, FrameCounts};
pub(crate) use group::Group;
pub use histogram::Histogram;
pub use latencies::Latencies;
pub use layer_count::LayerCount;
pub(crate) use listener_counters::{ListenerCounters, QueuedConnection};
pub use listener_statistics::ListenerStatistics;
pub(crate) use log_limits::{Cause, LogLimits};
pub use outcome::{Outcome, Outcomes};
pub use protocol_mismatches::ProtocolMismatches;
pub(crate) use rate_limit::RateLimit;
pub use reasons::Reasons;
pub(crate) use reload_statistics::ReloadCounters;
pub use reload_statistics::{ReloadOutcome, ReloadStatistics};
pub(crate) use route_metrics::{RouteMetrics, count};
pub use route_statistics::{Instances, RouteStatistics};
pub use statistics::Statistics;
pub use status_counts::StatusCounts;
pub use unrouted::UnroutedMessage;
