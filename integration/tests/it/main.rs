//! Real HAProxy of each version; one binary, a module per topic.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod harness;
mod tap;
