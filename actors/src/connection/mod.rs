//! One HAProxy connection: an actor with exactly one I/O future.
//!
//! | file | what |
//! |---|---|
//! | `actor` | the phases of a connection; `actor/` has how it drains and what controls it |
//! | `conversation` | frames in, ACKs out, without the socket |
//! | `transport`, `buffered_stream` | a socket, or TLS on it, and its buffers |
//! | `account` | the bytes that a connection buffers between its wake-ups |
//! | `next` | whether a connection goes on at once, or waits to be woken |
//! | `timer` | a clock that is armed only while something is waited for |
//! | `hold`, `silence`, `ending` | how ACKs are held back before DISCONNECT, for how long, and how a connection closes |
//! | `orphans` | `async`: what was in flight on a connection that has gone |
//! | `surplus` | what a connection over the limit is answered |

mod account;
mod actor;
mod buffered_stream;
mod conversation;
mod ending;
mod hold;
mod next;
mod orphans;
mod silence;
mod surplus;
mod timer;
mod transport;

#[cfg(feature = "tls")]
pub(crate) use account::Account;
pub(crate) use actor::{Connection, Control};
#[cfg(feature = "testing")]
pub(crate) use conversation::{Conversation, Flow};
pub(crate) use silence::Silence;
pub(crate) use transport::Transport;
