//! The agent as HAProxy sees it, over streams in memory and over real sockets; one binary, a module
//! per topic. A test that proves a line of the agent's checklist has its number in its name.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod architecture;
mod backpressure;
mod certificates;
mod deadlines;
mod disconnect;
mod foreign;
mod fragmentation;
mod framing;
mod handshake;
mod laws;
mod lifecycle;
mod listeners;
mod notify;
mod proxy;
mod statistics;
mod support;
mod tls;
mod vectors;
