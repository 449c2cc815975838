//! Ask: the common parts of `call`, `load` and `healthcheck`.
//!
//! ```text
//! argument, value ─▶ message ─▶ no_actions                 words become a message; what to think of no answer to it
//! endpoint_options ─▶ tls_options, ask_error               where the agent is, and why it does not answer
//! ```

pub(crate) mod argument;
pub(crate) mod ask_error;
pub(crate) mod endpoint_options;
pub(crate) mod message;
pub(crate) mod no_actions;
pub(crate) mod tls_options;
pub(crate) mod value;
