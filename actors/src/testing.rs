//! A fake HAProxy that speaks the whole protocol, so that the test of a handler is ten lines.
//!
//! ```
//! use spoa_actors::testing::{FakeError, FakeHaproxy};
//! use spoa_actors::{Actions, Message, Registry, Scope, handler_fn};
//!
//! #[derive(serde::Deserialize)]
//! struct Number {
//!     n: i64,
//! }
//!
//! #[actix_rt::main]
//! async fn main() -> Result<(), FakeError> {
//!     let registry = Registry::new().on("double", handler_fn(|Number { n }: Number| {
//!         Actions::none().set_var(Scope::Transaction, "doubled", 2 * n)
//!     }));
//!     let mut haproxy = FakeHaproxy::start(registry).await?;
//!     let actions = haproxy.notify(Message::new("double").arg("n", 21)).await?;
//!     assert_eq!(actions.to_string(), "set-var txn.doubled 42");
//!     Ok(())
//! }
//! ```

mod exchange;
mod fake_error;
mod fake_haproxy;
mod in_memory_agent;

pub use exchange::Exchange;
pub use fake_error::FakeError;
pub use fake_haproxy::{FakeHaproxy, hello};
pub use in_memory_agent::InMemoryAgent;

pub use crate::listener::ByteStream;
