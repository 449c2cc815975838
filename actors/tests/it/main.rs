//! The agent as HAProxy sees it, over streams in memory and over real sockets; one binary, a module
//! per topic. A test that proves a line of the agent's checklist has its number in its name.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod allocations;
mod architecture;
mod asynchronous;
mod backlog;
mod backpressure;
mod blocking;
mod bulkheads;
mod certificates;
mod deadlines;
mod disconnect;
mod drain;
mod endings;
mod engines;
mod exchanges;
mod fairness;
mod foreign;
mod fragmentation;
mod frame_counts;
mod framing;
mod grammar;
mod handshake;
mod ids;
mod laws;
mod lifecycle;
mod limits;
mod listeners;
mod logs;
mod memory;
mod metering;
mod notify;
mod numbered;
mod padding;
mod panics;
mod proxy;
mod raw_actors;
mod readiness;
mod ready;
mod reasons;
mod recycling;
mod renewal;
mod routes;
mod slow_drain;
mod slow_frames;
mod statistics;
mod status;
mod streams;
mod supervision;
mod support;
mod threads;
mod tls;
mod traces;
mod vectors;
mod waiting;
