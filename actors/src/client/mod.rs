//! HAProxy's side of SPOP: call an agent, as HAProxy does.
//!
//! | To | see |
//! |---|---|
//! | say where an agent is and how to reach it | [`Endpoint`] |
//! | use TLS (feature `tls`) | `ClientTls` |
//! | send any number of NOTIFYs from any task, and get their actions | [`Client`] |
//! | send and receive single frames, or do a health check | [`Connection`] |
//!
//! No input from an agent causes a panic, an endless wait, or memory use without a limit.

#[cfg(feature = "tls")]
mod any_certificate;
mod client;
mod connection;
mod driver;
mod endpoint;
mod endpoint_error;
mod error;
mod options;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;

pub use client::Client;
pub use connection::{Connection, hello};
pub use endpoint::Endpoint;
pub use endpoint_error::EndpointError;
pub use error::ClientError;
pub use options::ClientOptions;
pub use stream::Stream;
#[cfg(feature = "tls")]
pub use tls::ClientTls;
#[cfg(feature = "tls")]
pub use tls_error::{TlsError, TlsFix};
