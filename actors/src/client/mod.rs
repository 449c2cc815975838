//! HAProxy's side of SPOP: ask an agent, as HAProxy does.
//!
//! | to | see |
//! |---|---|
//! | send any number of NOTIFYs from any task, and get their actions | [`Client`] |
//! | speak frame by frame, or do a health check | [`Connection`] |
//!
//! Nothing that an agent sends makes either of them panic, wait without an end, or keep more than a bounded
//! amount of memory.

mod client;
mod connection;
mod driver;
mod error;
mod options;

pub use client::Client;
pub use connection::{Connection, hello};
pub use error::ClientError;
pub use options::ClientOptions;
