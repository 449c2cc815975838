//! An actor-based SPOE agent (SPOA) for HAProxy, supervised per connection.
mod agent;
mod args;
mod cell;
mod collection;
mod connection;
mod conversation;
mod error;
mod fence;
mod handler;
mod limits;
mod listener;
mod origin;
mod registry;
mod route;
mod shared;
pub mod spop;
mod statistics;
mod supervisor;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod timer;

pub use agent::{Agent, RunningAgent};
pub use args::{ArgsError, FromMessage};
pub use cell::Call;
pub use error::{AgentError, BoxError, HandlerError};
pub use handler::{Asynchronous, HandlerActor, HandlerFn, Plain};
pub use limits::Limits;
pub use origin::{Origin, PeerAddress};
pub use registry::Registry;
pub use route::{Route, handler_fn};
pub use spop::{Action, ActionError, Actions, Message, Scope, TypedData};
pub use statistics::{Histogram, Outcomes, Statistics, StatusCounts};
pub use tasks::Tasks;
