//! Real HAProxy of each version; one binary, a module per topic.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod ack_size;
mod actors;
mod admin_endpoint;
mod agent_log;
mod arguments;
mod asynchronous;
mod body;
mod bulkhead;
mod collector;
mod documents;
mod drain;
mod edge;
mod ends;
mod events;
mod examples;
mod failures;
mod fleet;
mod footprint;
mod handler_spans;
mod handshake;
mod harness;
mod ip_reputation;
mod kill;
mod late;
mod limits;
mod log;
mod losses;
mod messages;
mod metrics;
mod panics;
mod pipelining;
mod recycling;
mod reload;
mod resources;
mod restart;
mod scene;
mod tap;
mod telemetry_losses;
mod traces;
mod trouble;
mod two_engines;
mod variables;
mod witnesses;
