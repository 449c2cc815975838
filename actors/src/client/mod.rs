//! HAProxy's side of SPOP: call an agent, as HAProxy does.
//!
//! | To | see |
//! |---|---|
//! | send any number of NOTIFYs from any task, and get their actions | [`Client`] |
//! | send and receive single frames, or do a health check | [`Connection`] |
//!
//! No input from an agent causes a panic, an endless wait, or memory use without a limit.

mod client;
mod connection;
mod driver;
mod error;
mod options;

pub use client::Client;
pub use connection::{Connection, hello};
pub use error::ClientError;
pub use options::ClientOptions;
