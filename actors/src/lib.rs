//! An actor-based SPOE agent (SPOA) for HAProxy, supervised per connection.
//!
//! HAProxy hands parts of a request to an agent over SPOP and waits for variables: who is this
//! client, may it pass, where should it go? Write a handler, register it under the message's name,
//! and serve:
//!
//! ```no_run
//! use std::net::IpAddr;
//!
//! use serde::Deserialize;
//! use spoa_actors::{ActionError, Actions, Agent, AgentError, Registry, Scope, handler_fn};
//!
//! #[derive(Deserialize)]
//! struct Client {
//!     ip: IpAddr,
//! }
//!
//! fn score(client: Client) -> Result<Actions, ActionError> {
//!     let score = if client.ip.is_loopback() { 20 } else { 10 };
//!     Actions::none().set_var(Scope::Session, "ip_score", score)
//! }
//!
//! #[actix_rt::main]
//! async fn main() -> Result<(), AgentError> {
//!     let registry = Registry::new().on("check-client-ip", handler_fn(score));
//!     Agent::bind("127.0.0.1:12345")?.serve(registry).await
//! }
//! ```
//!
//! | to | see |
//! |---|---|
//! | answer messages with an actor that has state | [`HandlerActor`] |
//! | answer messages with a function | [`handler_fn`] |
//! | answer messages at once, from where they lie | [`ReadyHandler`], [`Registry::on_ready`] |
//! | answer messages with a raw actix actor | [`Registry::on_actor`], [`Call`] |
//! | answer messages on threads of their own | [`BlockingHandler`], [`Registry::on_blocking`] |
//! | say which arguments a handler takes | [`FromMessage`] |
//! | set and unset variables | [`Actions`], [`Scope`] |
//! | say what is sent when there is no answer, and how long to wait for one | [`Route`] |
//! | bind, start, stop, and bound an agent | [`Agent`], [`Listen`], [`RunningAgent`], [`Limits`] |
//! | speak TLS (feature `tls`), ask for a PROXY header | [`Listen`] |
//! | see what the agent does and has done | [`RunningAgent::observer`], [`Status`], [`Statistics`] |
//! | see each NOTIFY as a trace | [`Traces`], [`Sampling`] |
//! | test a handler in ten lines | [`testing`] (feature `testing`) |
//! | speak the protocol | [`spop`] |

mod account;
mod ack_form;
mod agent;
mod alarm;
mod args;
mod asking;
mod awaited;
mod blocking;
mod buffered_stream;
mod bulkhead;
mod cell;
#[cfg(feature = "tls")]
mod certificates;
mod collection;
mod common;
mod connection;
mod connection_trace;
mod conversation;
mod counters;
mod detour;
mod ending;
mod engine_statistics;
mod error;
mod feeder;
mod fence;
mod frame_counts;
mod group;
mod handler;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(feature = "tls")]
mod handshakes;
mod health;
mod histogram;
mod hold;
mod in_flight;
mod instance;
mod keeper;
mod latencies;
mod limits;
mod listen;
mod listener;
mod listener_counters;
mod listener_statistics;
mod live_route;
mod log_limits;
mod mailbox;
mod notify_trace;
mod observer;
mod origin;
mod orphans;
mod outcome;
mod panics;
mod past_violation;
mod places;
mod preamble;
mod proxy_header;
mod quota;
mod ready;
mod reasons;
mod reception;
mod refusal;
mod registry;
// For the files that the binary reads.
#[cfg(feature = "tls")]
#[doc(hidden)]
pub mod regular_file;
mod restarts;
mod room;
mod route;
mod route_record;
mod route_statistics;
mod running_agent;
mod sampling;
#[cfg(feature = "tls")]
mod secured;
mod shared;
mod signals;
mod silence;
// For the admin endpoint of the binary.
#[doc(hidden)]
pub mod socket_file;
pub mod spop;
mod statistics;
mod status;
mod status_counts;
mod supervisor;
mod surplus;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod timer;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_records;
mod trace_parent;
mod traces;
mod transport;
mod turn;
#[cfg(feature = "tls")]
mod validity;
mod workers;
mod wrong_traffic;

pub use agent::Agent;
pub use args::{ArgsError, FromMessage};
pub use blocking::BlockingHandler;
pub use bulkhead::Overload;
pub use engine_statistics::EngineStatistics;
pub use error::{AgentError, BoxError, HandlerError};
pub use frame_counts::{FrameCount, FrameCounts};
pub use handler::{Asynchronous, HandlerActor, HandlerFn, Plain};
pub use histogram::Histogram;
pub use latencies::Latencies;
pub use limits::Limits;
pub use listen::Listen;
pub use listener_statistics::ListenerStatistics;
pub use mailbox::Call;
pub use observer::Observer;
pub use origin::{Origin, PeerAddress};
pub use outcome::{Outcome, Outcomes};
pub use panics::Panic;
pub use past_violation::PastViolation;
pub use ready::ReadyHandler;
pub use reasons::Reasons;
pub use registry::Registry;
pub use route::{Route, handler_fn};
pub use route_statistics::{ArgumentSeen, Instances, RouteStatistics};
pub use running_agent::RunningAgent;
pub use sampling::Sampling;
pub use spop::{
    Action, ActionError, Actions, ForeignText, Message, MessageRef, Messages, Scope, TypedData,
};
pub use statistics::Statistics;
pub use status::{Agreed, ConnectionPhase, ConnectionStatus, Readiness, Status};
pub use status_counts::StatusCounts;
pub use tasks::Tasks;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use traces::Traces;
pub use wrong_traffic::WrongTraffic;
