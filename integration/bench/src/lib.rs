//! What a frame costs: the servers that are measured.
//!
//! | File | Says |
//! |---|---|
//! | [`floor`](Floor) | a bare epoll loop |
//! | [`peer`](serve_peer) | an agent on the crate `spop` |
//! | [`burner`](Burner) | work of a known length |
//! | [`sockets`](Sockets) | where they listen |

mod burner;
mod floor;
mod peer;
mod sockets;

pub use burner::Burner;
pub use floor::Floor;
pub use peer::serve_peer;
pub use sockets::Sockets;
