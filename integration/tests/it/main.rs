//! Real HAProxy of each version; one binary, a module per topic.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod ack_size;
mod actors;
mod arguments;
mod body;
mod documents;
mod drain;
mod ends;
mod events;
mod examples;
mod failures;
mod handshake;
mod harness;
mod ip_reputation;
mod late;
mod messages;
mod pipelining;
mod reload;
mod scene;
mod tap;
mod two_engines;
mod variables;
