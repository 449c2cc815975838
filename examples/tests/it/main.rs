//! The examples as programs: started as a user starts them, asked over their sockets.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod conformance;
mod program;
