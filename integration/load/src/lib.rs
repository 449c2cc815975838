//! HAProxy's side of SPOP as a client: what asks an agent once, and what asks it without end.
//!
//! ```text
//! argument, value, hex ─▶ message ─▶ no_actions            words become a message; what to think of no answer to it
//! endpoint ─▶ tls                                          where the agent is, and how to speak to it
//! load ─▶ handshake ─▶ connection ─▶ dialogue              one future per connection
//!      │               dialogue ─▶ notify, in_flight, ack  asks, and checks what comes back
//!      ├─▶ pace, pacer                                     when the next NOTIFY is due
//!      └─▶ tally, fault, process ─▶ report, progress       what came of it
//! ```
//!
//! A load is single-threaded, and nothing is allocated for a NOTIFY or its ACK: it shares a machine
//! with the agent that it measures.

mod argument;
mod connection;
mod dialogue;
mod endpoint;
mod failure;
mod fault;
mod handshake;
pub mod hex;
mod in_flight;
pub mod json;
mod load;
mod load_error;
mod load_options;
mod message;
mod no_actions;
mod notify;
pub mod options;
mod pace;
mod pacer;
mod process;
mod progress;
mod report;
mod shaped;
mod shared;
mod tally;
mod tls;
mod value;

pub use argument::{Argument, ArgumentError};
pub use endpoint::{DEFAULT_ADDRESS, Endpoint, EndpointError, Stream};
pub use failure::Failure;
pub use load::load;
pub use load_options::{LOAD_HELP, LoadOptions};
pub use message::{MessageError, message};
pub use no_actions::NoActions;
pub use shaped::shaped;
pub use tls::{TlsError, TlsOptions};
