//! The servers that are measured, as programs: each answers right before it answers fast.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod program;
mod servers;
