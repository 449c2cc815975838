//! HAProxy's side of SPOP as a client: what asks an agent once, and what asks it without end.

mod argument;
mod endpoint;
mod failure;
pub mod hex;
mod message;
pub mod options;
mod tls;
mod value;

pub use argument::{Argument, ArgumentError};
pub use endpoint::{DEFAULT_ADDRESS, Endpoint, EndpointError, Stream};
pub use failure::Failure;
pub use message::{MessageError, message};
pub use tls::{TlsError, TlsOptions};
