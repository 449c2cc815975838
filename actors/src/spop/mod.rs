//! SPOP 2.0, the Stream Processing Offload Protocol: decodes and encodes every frame of both sides.
//!
//! The protocol is pure: no sockets, no clock, no runtime, and no imports from the rest of the
//! crate. Each file has one noun of the specification (`doc/SPOE.txt` of HAProxy, section 3) and
//! begins with its grammar:
//!
//! ```text
//! bytes ─ varint, wire, typed_data, kv_list ─▶ head, message, action, hello, disconnect
//!       ─ frame, codec ─▶ session (handshake, reassembly) ─▶ Step
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub(crate) mod ack;
mod action;
mod actions;
mod arg;
mod capabilities;
mod codec;
mod disconnect;
mod flags;
mod foreign_protocol;
mod foreign_text;
mod fragment;
mod frame;
mod frame_type;
mod head;
mod header_block;
mod hello;
mod ids;
mod kv_list;
mod message;
mod message_ref;
mod notify;
mod notify_ref;
mod put;
mod reassembly;
mod scope;
mod session;
mod short_bytes;
mod status_code;
mod to_typed_data;
mod typed_data;
mod var;
mod varint;
mod violation;
mod wire;

pub use ack::Ack;
pub use action::{Action, ActionError, MAX_VAR_NAME};
pub use actions::Actions;
pub use arg::{Arg, Args};
pub use capabilities::Capabilities;
pub(crate) use codec::LENGTH_SIZE;
pub use codec::{CodecError, FrameCodec};
pub use disconnect::Disconnect;
pub use flags::Flags;
pub use foreign_protocol::ForeignProtocol;
pub use foreign_text::ForeignText;
pub use fragment::Fragment;
pub use frame::Frame;
pub use frame_type::FrameType;
pub use head::{FrameHead, MAX_FRAME_SIZE_FLOOR, MIN_FRAME_LENGTH};
pub use header_block::{HeaderBlock, HeaderBlockBuf, HeaderBlockError, Headers};
pub use hello::{AgentHello, HaproxyHello, VERSION};
pub use ids::{EngineId, FrameId, StreamId};
pub use message::Message;
pub use message_ref::MessageRef;
pub use notify::{Messages, Notify};
pub(crate) use notify_ref::{MessagesRef, NotifyRef};
pub use scope::Scope;
pub use session::{Offer, Session, Step};
pub use status_code::StatusCode;
pub use to_typed_data::ToTypedData;
pub use typed_data::TypedData;
pub use var::Var;
pub use violation::Violation;
pub use wire::WireError;
