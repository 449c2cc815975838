//! Handlers for an SPOE agent that need no Rust: what they decide, and from which data, stands in one file.
//!
//! | room | what |
//! |---|---|
//! | [`certificate`] | what the certificate of a client says |
//! | [`table`] | what requests are looked up in and counted by, in memory |
//! | [`data`] | tables out of files, which are followed when they change |
//! | [`handler`] | handlers over these tables, for agents that are written in Rust |
//! | [`metric`] | counters and histograms with labels from messages, bounded |
//! | [`trail`] | lines that a thread of its own writes to a file, rotated by size |
//! | [`value`] | durations, sizes, rates and percentages as they are written; secrets by name |
//! | [`finding`] | what is wrong with a file, all of it at once, each with its place |
//! | [`mod@file`] | TOML with a place for every key and value, includes, sections, and typed reading of them |
//! | [`kind`] | the description of a kind of handler: its arguments, variables, reasons and settings |
//! | [`expression`] | CEL, checked when it is read, with a place for every mistake |
//! | [`input`] | where a handler's arguments come from: by name, by position, out of a header or a cookie |
//! | [`configuration`] | the sections about the agent itself, its listeners and its messages |
//! | [`resource`] | the data sets and the secrets of a file, which its handlers use |
//! | [`program`] | programs in any language behind a pipe |
//! | [`chain`] | the handlers of a message in order, what they find, and the verdict |
//! | [`kinds`] | the kinds of handlers |
//! | [`testing`] | the tests of a file |
//! | [`schema`] | the JSON schema of the file, for editors |

#[macro_use]
mod macros;

pub mod certificate;
pub mod chain;
pub mod configuration;
pub mod data;
pub mod expression;
pub mod file;
pub mod finding;
pub mod handler;
pub mod input;
pub mod kind;
pub mod kinds;
pub mod metric;
pub mod program;
pub mod resource;
pub mod schema;
pub mod table;
pub mod testing;
pub mod trail;
pub mod value;
