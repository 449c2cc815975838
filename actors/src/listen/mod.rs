//! Where an agent listens, and everything before SPOP on a connection.
//!
//! | file | what |
//! |---|---|
//! | `listen` | the description of one listener |
//! | `addresses`, `listener`, `socket_file` | its sockets, one per address, and the file of a UNIX socket |
//! | `preamble`, `proxy_header` | what a connection sends before SPOP; PROXY protocol |
//! | `rejection` | why a connection is closed before SPOP |
//! | `pem_file`, `regular_file`, `certificate_fault` | PEM files, and why their contents are refused |
//! | `tls`, `certificates`, `validity` | TLS files, loaded again when they change, and their dates |
//! | `handshake`, `secured`, `tls_records` | the handshake; TLS on a stream, and rustls's buffers |

mod addresses;
#[cfg(feature = "tls")]
pub(crate) mod certificate_fault;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "tls")]
mod handshake;
mod listen;
mod listener;
#[cfg(feature = "tls")]
pub mod pem_file;
mod preamble;
mod proxy_header;
#[cfg(feature = "tls")]
pub mod regular_file;
mod rejection;
#[cfg(feature = "tls")]
pub(crate) mod secured;
pub mod socket_file;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_records;
#[cfg(feature = "tls")]
mod validity;

pub use listen::Listen;
#[cfg(test)]
pub(crate) use listener::Bound;
#[cfg(feature = "testing")]
pub use listener::ByteStream;
pub(crate) use listener::{Listener, Socket};
pub(crate) use preamble::{IncomingConnection, Preamble};
#[cfg(feature = "tls")]
pub use tls::Tls;
