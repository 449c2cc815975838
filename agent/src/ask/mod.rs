//! Ask: the common parts of `call`, `load` and `healthcheck`.
//!
//! ```text
//! argument, value ─▶ message ─▶ no_actions                 words become a message; what to think of no answer to it
//! endpoint ─▶ tls                                          where the agent is, and how to speak to it
//! ```

pub(crate) mod argument;
pub(crate) mod endpoint;
pub(crate) mod message;
pub(crate) mod no_actions;
pub(crate) mod tls;
pub(crate) mod value;
