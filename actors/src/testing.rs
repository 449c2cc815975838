//! Tests a handler without HAProxy: an agent in memory, and HAProxy's side of a connection to it.
//!
//! ```
//! use spoa_actors::testing::{ClientError, FakeHaproxy};
//! use spoa_actors::{Actions, Message, Registry, Var};
//!
//! const DOUBLED: Var = Var::transaction("doubled");
//!
//! #[derive(serde::Deserialize)]
//! struct Number {
//!     n: i64,
//! }
//!
//! #[actix_rt::main]
//! async fn main() -> Result<(), ClientError> {
//!     let registry = Registry::new().on("double", |Number { n }: Number| {
//!         Actions::new().set(DOUBLED, 2 * n)
//!     });
//!     let mut haproxy = FakeHaproxy::start(registry).await?;
//!     let actions = haproxy.notify(Message::new("double").arg("n", 21)).await?;
//!     assert_eq!(actions.to_string(), "set-var txn.doubled 42");
//!     Ok(())
//! }
//! ```

mod exchange;
mod in_memory_agent;

pub use exchange::Exchange;
pub use in_memory_agent::InMemoryAgent;
use tokio::io::DuplexStream;

pub use crate::{
    client::{ClientError, hello},
    listen::ByteStream,
};

/// HAProxy's side of a connection in a test: in memory with
/// [`FakeHaproxy::start`](crate::client::Connection::start), over any other stream with
/// [`over`](crate::client::Connection::over), or to an [`Endpoint`](crate::client::Endpoint).
pub type FakeHaproxy<S = DuplexStream> = crate::client::Connection<S>;
