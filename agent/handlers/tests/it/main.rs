//! The handlers as a file describes them; one binary, a room of topics for each room of the library.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod architecture;
mod broken_files;
mod certificate;
mod chain;
mod data;
mod data_kinds;
mod examples;
mod explained;
mod expressions;
mod handler;
mod kinds;
mod later;
mod metric;
mod pages;
mod program;
mod properties;
mod resource;
mod sample_kinds;
mod schema;
mod snapshots;
mod table;
mod trail;
mod values;
