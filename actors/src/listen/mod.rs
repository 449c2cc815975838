//! Where an agent listens, and all that comes before SPOP on a connection.
//!
//! | file | what |
//! |---|---|
//! | `listen` | the description of one listener |
//! | `addresses`, `listener`, `socket_file` | its sockets, one for each address, and the name of a UNIX socket in the file system |
//! | `preamble`, `proxy_header` | what a listener waits for before SPOP; PROXY protocol |
//! | `rejection` | why a connection does not come to SPOP |
//! | `pem_file`, `regular_file`, `certificate_fault` | files in PEM, and why what is in them is refused |
//! | `tls`, `certificates`, `validity` | TLS files, followed when they change, and the dates in them |
//! | `handshake`, `secured`, `tls_records` | the handshake; TLS on a stream, and what rustls buffers of it |

mod addresses;
#[cfg(feature = "tls")]
pub mod certificate_fault;
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
