//! The handlers as a file describes them; one binary, a room of topics for each room of the library.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod architecture;
mod broken_files;
mod chain;
mod data;
mod examples;
mod expressions;
mod handler;
mod program;
mod properties;
mod resource;
mod sample_kinds;
mod table;
mod values;
