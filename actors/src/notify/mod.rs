//! One NOTIFY in, one ACK out, by the deadline.
//!
//! | file | what |
//! |---|---|
//! | `asking` | hands the messages to their handlers, in order |
//! | `awaited` | a message that waits for its answer, until its deadline |
//! | `collection` | a NOTIFY with such messages: keeps their order, settles their ACK |
//! | `in_flight` | the collections of one connection, and the next deadline |
//! | `room`, `ack_form` | how much an ACK may hold, and its form for this peer |

mod ack_form;
mod asking;
mod awaited;
mod collection;
mod in_flight;
mod room;

pub(crate) use ack_form::AckForm;
pub(crate) use asking::{Collected, Terms, collect, refuse};
pub(crate) use collection::Finished;
pub(crate) use in_flight::InFlight;
