//! Load: `load`, which asks an agent without end, checks every answer, and measures.
//!
//! ```text
//! load ─▶ handshake ─▶ connection ─▶ dialogue              one future per connection
//!      │               dialogue ─▶ notify, in_flight, ack  asks, and checks what comes back
//!      ├─▶ pace, pacer                                     when the next NOTIFY is due
//!      └─▶ tally, fault, process ─▶ report, progress       what came of it
//! ```
//!
//! A load is single-threaded, and nothing is allocated for a NOTIFY or its ACK: it shares a machine
//! with the agent that it measures.

mod connection;
mod dialogue;
mod fault;
mod handshake;
mod in_flight;
mod load;
mod load_error;
mod load_options;
mod notify;
mod pace;
mod pacer;
mod process;
mod progress;
mod report;
mod shared;
mod tally;

pub(crate) use load::load;
pub(crate) use load_options::{LOAD_HELP, LoadOptions};
