//! What a frame costs: the servers that are measured.
//!
//! | File | Says |
//! |---|---|
//! | [`floor`](Floor) | a bare epoll loop |
//! | [`peer`](serve_peer) | an agent on the crate `spop` |
//! | [`burner`](Burner) | work of a known length |
//! | [`layered`](Layered) | handlers with a layer or a further argument |
//! | [`sockets`](Sockets) | where they listen |

mod burner;
mod floor;
mod layered;
mod peer;
mod sockets;

pub use burner::Burner;
pub use floor::Floor;
pub use layered::Layered;
pub use peer::serve_peer;
pub use sockets::Sockets;
