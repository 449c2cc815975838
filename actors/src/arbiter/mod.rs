//! Shared by the connections of one arbiter, and by all arbiters of an agent.
//!
//! | file | what |
//! |---|---|
//! | `agent_context` | settings and totals of all arbiters |
//! | `arbiter_context` | the generation, counters, health and lent buffers of one arbiter |
//! | `generation`, `current_limits` | what a reload replaces: routes, traces, limits |
//! | `shared_budget`, `connection_permits`, `handshake_permits` | limits on bytes and messages, on connections, and on TLS handshakes |
//! | `health` | the answer to health checks |
//! | `demand` | whether HAProxy has ever sent messages, or only health checks |
//! | `ack_router` | `async`: an ACK that leaves on another connection of its engine |
//! | `peer_fault`, `past_violations` | violations of the protocol and timeouts, and their fixes; recent ones |

mod ack_router;
mod agent_context;
mod arbiter_context;
mod connection_permits;
mod current_limits;
mod demand;
mod generation;
#[cfg(feature = "tls")]
mod handshake_permits;
mod health;
mod past_violations;
mod peer_fault;
mod shared_budget;

pub(crate) use ack_router::{AckGroup, AckQueue, AckRouter, RoutedAck};
pub(crate) use agent_context::AgentContext;
pub(crate) use arbiter_context::{ArbiterContext, ConnectionGuard, ProtocolMismatch};
pub(crate) use connection_permits::{ConnectionPermit, ExcessConnection};
pub(crate) use generation::Generation;
pub(crate) use peer_fault::{PeerFault, of_foreign};
pub(crate) use shared_budget::{Reservation, SharedBudget};
