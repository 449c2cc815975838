//! The agent as HAProxy sees it, over streams in memory and over real sockets; one binary, a room
//! of topics for each room of the library. A test that proves a line of the agent's checklist has its number in its name.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod agent;
mod allocations;
mod arbiter;
mod architecture;
mod client;
mod client_endpoint;
mod connection;
mod handler;
mod layer;
mod layers;
mod listen;
mod notify;
mod observe;
mod route;
mod spop;
mod supervision;
mod support;
mod trace;
