//! An actor-based SPOE agent for HAProxy.
mod args;
mod error;
mod limits;
mod origin;
pub mod spop;
pub use args::{ArgsError, FromMessage};
pub use error::{AgentError, BoxError, HandlerError};
pub use limits::Limits;
pub use origin::{Origin, PeerAddress};
pub use spop::{Action, ActionError, Actions, Message, Scope};
