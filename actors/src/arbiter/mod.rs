//! What the connections of one arbiter share, and what all arbiters of an agent share.
//!
//! | file | what |
//! |---|---|
//! | `common` | settings and totals of all arbiters |
//! | `shared` | routes, counters, health and lent buffers of one arbiter |
//! | `quota`, `places`, `handshakes` | bounds on bytes and messages, on connections, and on TLS handshakes |
//! | `health` | what health checks are answered, and whether anybody asks |
//! | `demand` | whether HAProxy has ever come to ask, or only to check |
//! | `detour` | `async`: an ACK that leaves on another connection of its engine |
//! | `status`, `past_violation` | what goes on in an agent at one moment, and which peers broke the protocol |

mod common;
mod demand;
mod detour;
#[cfg(feature = "tls")]
mod handshakes;
mod health;
mod past_violation;
mod places;
mod quota;
mod shared;
mod status;

pub(crate) use common::Common;
pub(crate) use detour::{Detours, Kin, Lane, Reroute};
pub use past_violation::PastViolation;
pub(crate) use places::{Guest, Place};
pub(crate) use quota::{Quota, Share};
pub(crate) use shared::{Mismatch, Presence, Shared};
pub use status::{Agreed, ConnectionPhase, ConnectionStatus, Readiness, Status};
