//! One HAProxy connection: an actor with exactly one I/O future.
//!
//! | file | what |
//! |---|---|
//! | `actor` | the phases of a connection; `actor/` has draining and control |
//! | `conversation` | frames in, ACKs out, without the socket |
//! | `transport`, `buffered_stream` | a socket, or TLS on it, and its buffers |
//! | `memory_guard` | the bytes that a connection buffers between its wake-ups |
//! | `next` | whether a connection continues at once, or waits to be woken |
//! | `timer` | a timer that is armed only when needed |
//! | `drain_window`, `drain_clock`, `closing` | how ACKs are held back before DISCONNECT, for how long, and how a connection closes |
//! | `detached_notifies` | `async`: what was in flight on a lost connection |
//! | `connection_limit` | the answer to a connection over the limit |

mod actor;
mod buffered_stream;
mod closing;
mod connection_limit;
mod conversation;
mod detached_notifies;
mod drain_clock;
mod drain_window;
mod memory_guard;
mod next;
mod timer;
mod transport;

pub(crate) use actor::{Connection, Control, HELLO_AT_STOP};
#[cfg(feature = "testing")]
pub(crate) use conversation::{Conversation, Flow};
pub(crate) use drain_clock::DrainClock;
#[cfg(feature = "tls")]
pub(crate) use memory_guard::MemoryGuard;
pub(crate) use transport::Transport;
