//! One NOTIFY in, one ACK out, by the deadline.
//!
//! | file | what |
//! |---|---|
//! | `dispatch` | calls the handlers of the messages, in order |
//! | `completion` | completes a message that waits, by its answer or its deadline |
//! | `pending_ack` | the ACK of a NOTIFY with such messages, in their order |
//! | `in_flight` | the pending ACKs of one connection, and the next deadline |
//! | `ack_budget`, `ack_encoder` | the size limit of an ACK, and its form for this peer |

mod ack_budget;
mod ack_encoder;
mod completion;
mod dispatch;
mod in_flight;
mod pending_ack;

pub(crate) use ack_encoder::AckEncoder;
pub(crate) use dispatch::{Dispatched, NotifyContext, dispatch, refuse};
pub(crate) use in_flight::InFlight;
pub(crate) use pending_ack::CompletedAck;
