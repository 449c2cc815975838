//! Answers HAProxy's SPOE messages: an agent (SPOA) of supervised actors.
//!
//! HAProxy sends the agent selected request data, such as the client IP or a header, in a message.
//! Your handler answers with variables, and your HAProxy rules act on them. Write a handler,
//! register it under the name of the message, and serve:
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
//! | To | see |
//! |---|---|
//! | answer messages with a function of typed parameters | [`Registry::on`], [`FromCall`], [`IntoActions`] |
//! | give handlers a configuration, a client or a pool | [`State`], [`Registry::state`] |
//! | answer messages with an actor that has state | [`HandlerActor`] |
//! | answer messages at once, with arguments read in place | [`ReadyHandler`], [`Registry::on_ready`] |
//! | have one handler for the whole agent | [`Route::shared`] |
//! | answer messages with a raw actix actor | [`Registry::on_actor`], [`MailboxCall`] |
//! | write your own kind of handler | [`Handler`], [`Route::handler`] |
//! | add behavior around handlers, such as a cache | [`Layer`], [`Route::layer`], [`Registry::layer`] |
//! | answer messages on separate threads | [`BlockingHandler`], [`Registry::on_blocking`] |
//! | choose the arguments that a handler takes | [`FromMessage`] |
//! | set and unset variables | [`Actions`], [`Var`] |
//! | set the fallback, the deadline and the concurrency of a route | [`Route`] |
//! | bind, start, stop and limit an agent | [`Agent`], [`Listen`], [`RunningAgent`], [`Limits`], [`Signals`] |
//! | use TLS (feature `tls`) or PROXY headers | [`Listen`] |
//! | replace handlers and limits without a restart | [`RunningAgent::reload`], [`Reloader`] |
//! | get statistics and the current state | [`RunningAgent::observer`], [`observe`], [`status`] |
//! | trace NOTIFYs | [`Traces`], [`Sampling`] |
//! | test a handler in ten lines | [`testing`] (feature `testing`) |
//! | call an agent as HAProxy does | [`client`] (feature `client`) |
//! | use the protocol alone | [`spop`] |

mod agent;
mod arbiter;
mod args;
#[cfg(feature = "client")]
pub mod client;
mod connection;
mod error;
mod handler;
mod layer;
pub mod layers;
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

pub use agent::{Agent, Observer, Reload, Reloader, RunningAgent, Signals};
pub use args::{ArgsError, FromMessage};
pub use error::{AgentError, BoxError, HandlerError, ReloadError};
pub use handler::{
    BlockingHandler, Call, Deadline, Factory, FactoryNow, FromCall, Handler, HandlerActor,
    HandlerFn, IntoActions, MailboxCall, OwnedCall, PendingAnswer, ReadyHandler, Reply, Setup,
    SharedHandler, State,
};
pub use layer::{KeptNext, Layer, Next};
pub use limit::Limit;
pub use limits::Limits;
pub use listen::Listen;
#[cfg(feature = "tls")]
pub use listen::Tls;
// For the files that the binary reads.
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use listen::{pem_file, regular_file};
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
