//! A fake HAProxy that speaks the whole protocol, so that the test of a handler is ten lines.
//!
//! [`FakeHaproxy`] is where to begin.

mod exchange;
mod fake_error;
mod fake_haproxy;
mod in_memory_agent;

pub use exchange::Exchange;
pub use fake_error::FakeError;
pub use fake_haproxy::{FakeHaproxy, hello};
pub use in_memory_agent::InMemoryAgent;

pub use crate::listen::ByteStream;
