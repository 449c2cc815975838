//! Real HAProxy of each version; one binary, a module per topic.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod ack_size;
mod actors;
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
mod two_engines;
mod variables;
mod witnesses;
