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
//! use spoa_actors::{Actions, Agent, AgentError, Registry, Var};
//!
//! const IP_SCORE: Var = Var::session("ip_score");
//!
//! #[derive(Deserialize)]
//! struct Client {
//!     ip: IpAddr,
//! }
//!
//! fn score(client: Client) -> Actions {
//!     let score = if client.ip.to_canonical().is_loopback() { 20 } else { 10 };
//!     Actions::new().set(IP_SCORE, score)
//! }
//!
//! #[actix_rt::main]
//! async fn main() -> Result<(), AgentError> {
//!     let registry = Registry::new().on("check-client-ip", score);
//!     Agent::bind("127.0.0.1:12345")?.serve(registry).await
//! }
//! ```
//!
//! | to | see |
//! |---|---|
//! | answer messages with a function, which takes what it needs | [`Registry::on`], [`FromCall`], [`IntoActions`] |
//! | have a configuration, a client or a pool | [`State`], [`Registry::state`] |
//! | answer messages with an actor that has state | [`HandlerActor`] |
//! | answer messages at once, from where they lie | [`ReadyHandler`], [`Registry::on_ready`] |
//! | answer messages with a raw actix actor | [`Registry::on_actor`], [`MailboxCall`] |
//! | answer calls with a handler of your own, now or later | [`Handler`], [`Route::handler`] |
//! | answer messages on threads of their own | [`BlockingHandler`], [`Registry::on_blocking`] |
//! | say which arguments a handler takes | [`FromMessage`] |
//! | set and unset variables | [`Actions`], [`Var`] |
//! | say what is sent when there is no answer, and how long to wait for one | [`Route`] |
//! | bind, start, stop, and bound an agent | [`Agent`], [`Listen`], [`RunningAgent`], [`Limits`], [`Signals`] |
//! | speak TLS (feature `tls`), ask for a PROXY header | [`Listen`] |
//! | see what the agent does and has done | [`RunningAgent::observer`], [`observe`], [`status`] |
//! | see each NOTIFY as a trace | [`Traces`], [`Sampling`] |
//! | test a handler in ten lines | [`testing`] (feature `testing`) |
//! | ask an agent, as HAProxy does | [`client`] (feature `client`) |
//! | speak the protocol | [`spop`] |

mod agent;
mod arbiter;
mod args;
#[cfg(feature = "client")]
pub mod client;
mod connection;
mod error;
mod handler;
mod limit;
mod limits;
mod listen;
mod log;
mod notify;
pub mod observe;
mod origin;
mod route;
pub mod spop;
pub mod status;
mod supervision;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod turn;

pub use agent::{Agent, Observer, RunningAgent, Signals};
pub use args::{ArgsError, FromMessage};
pub use error::{AgentError, BoxError, HandlerError};
pub use handler::{
    BlockingHandler, Call, Deadline, Factory, FactoryNow, FromCall, Handler, HandlerActor,
    HandlerFn, IntoActions, MailboxCall, OwnedCall, PendingAnswer, ReadyHandler, Reply, Setup,
    State,
};
pub use limit::Limit;
pub use limits::Limits;
pub use listen::Listen;
#[cfg(feature = "tls")]
pub use listen::Tls;
// For the files that the binary reads, and for the client's side.
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use listen::{certificate_fault, pem_file, regular_file};
// For the admin endpoint of the binary.
#[doc(hidden)]
pub use listen::socket_file;
pub use origin::{Origin, PeerAddress};
pub use route::{IntoRoute, Registry, Route};
pub use spop::{
    Action, ActionError, Actions, ForeignText, HeaderBlock, HeaderBlockBuf, HeaderBlockError,
    Message, MessageRef, Messages, Scope, ToTypedData, TypedData, Var,
};
pub use supervision::{OnFull, Panic, Tasks};
pub use trace::{Sampling, Traces};
