//! Errors, by who has to act: the author of a handler, or the operator who starts the agent.
//!
//! Each error is one line, with its cause.
//!
//! A peer that breaks the protocol is a [`Violation`](crate::spop::Violation).

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use crate::{
    args::ArgsError,
    observe::{Outcome, ReloadOutcome},
    spop::{ActionError, ForeignText},
    supervision::Panic,
};

/// Any error of a handler.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a message has no answer from its handler.
///
/// The agent sends the route's fallback instead, counts the message and logs the error. HAProxy
/// does not see the error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The arguments do not match the type that the handler takes.
    #[error(transparent)]
    Arguments(#[from] ArgsError),
    /// The handler returned an error.
    #[error("the handler failed: {}", ForeignText::of(.0))]
    Failed(BoxError),
    /// The handler panicked.
    #[error("the handler panicked: {0}")]
    Panicked(Panic),
    /// The deadline passed before the handler answered.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The connection, or the whole agent, has reached its limit of messages that wait for answers.
    #[error("message limit reached")]
    AgentOverloaded,
    /// The route has reached its limit of calls in flight.
    #[error("route concurrency limit reached")]
    RouteFull,
    /// The handler does not start, or failed too often. It gets no calls until a start succeeds.
    #[error("the handler is down")]
    CircuitOpen,
    /// The NOTIFY came in fragments and exceeds the size limit. The agent did not read it.
    #[error("the NOTIFY exceeds the size limit and was not read")]
    TooLarge,
    /// The NOTIFY has more than 1,024 messages, and this one comes after them. No handler was
    /// called.
    #[error("the NOTIFY has more than 1,024 messages: those after them get no handler")]
    TooManyMessages,
    /// The actor that answers has stopped. If it is a raw actor, this message may have caused a
    /// panic in it.
    #[error("the handler has stopped")]
    ActorStopped,
}

impl From<BoxError> for HandlerError {
    fn from(error: BoxError) -> Self {
        Self::Failed(error)
    }
}

impl From<ActionError> for HandlerError {
    fn from(error: ActionError) -> Self {
        Self::Failed(error.into())
    }
}

impl HandlerError {
    /// What happened to the message.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Arguments(_) => Outcome::BadArguments,
            Self::Failed(_) => Outcome::Failed,
            Self::Panicked(_) => Outcome::Panicked,
            Self::DeadlineExceeded => Outcome::DeadlineExceeded,
            Self::AgentOverloaded => Outcome::AgentOverloaded,
            Self::RouteFull => Outcome::RouteFull,
            Self::CircuitOpen => Outcome::CircuitOpen,
            Self::TooLarge => Outcome::TooLarge,
            Self::TooManyMessages => Outcome::TooManyMessages,
            Self::ActorStopped => Outcome::ActorStopped,
        }
    }
}

/// Why the agent could not start.
///
/// `Debug` shows the same line as `Display`, so that `fn main() -> Result<(), AgentError>` prints
/// the cause and the fix.
#[derive(Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The agent cannot listen on a TCP address.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address as you gave it.
        address: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The agent cannot listen on a UNIX socket.
    #[error("cannot listen on UNIX socket {}: {cause}", path.display())]
    BindUnix {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The agent cannot use a file of a TLS listener.
    #[error("cannot use {} for TLS: {cause}; {advice}", path.display())]
    Tls {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with the file.
        cause: String,
        /// How to fix it.
        advice: &'static str,
    },
    /// The agent has no address to listen on.
    #[error("the agent has no address to listen on: call `listen` or `listen_unix`")]
    NoListener,
    /// Two routes have the same name.
    #[error("message {name:?} has two routes, {:?} and {:?}: register it once", .routes[0], .routes[1])]
    DuplicateRoute {
        /// The name of the message.
        name: String,
        /// The names of the routes: of one that takes several messages, theirs joined by `+`.
        routes: [String; 2],
    },
    /// The value of a limit cannot work.
    #[error("{limit} must be {requirement}")]
    BadLimit {
        /// The name of the limit, from [`Agent::limit_names`](crate::Agent::limit_names).
        limit: &'static str,
        /// Which values are allowed.
        requirement: String,
    },
    /// A handler did not start.
    #[error("the handler of message {name:?} could not start: {}", ForeignText::of(.cause))]
    Handler {
        /// The name of the message.
        name: String,
        /// The error of the handler.
        cause: BoxError,
    },
    /// This thread has no tokio runtime.
    #[error("the agent needs a tokio runtime: use `#[tokio::main]` or `#[actix_rt::main]`")]
    NoRuntime,
    /// The agent cannot start a thread or its event loop.
    #[error("cannot start a worker thread: {cause}")]
    Thread {
        /// The error of the operating system.
        cause: io::Error,
    },
    /// A worker thread ended before it was ready.
    #[error("a worker thread ended before it was ready")]
    ArbiterGone,
    /// The agent cannot listen to the signals that end it.
    #[error("cannot listen to signals: {cause}")]
    Signals {
        /// The error of the operating system.
        cause: io::Error,
    },
}

/// Why a reload failed. The agent continues as before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The same errors as at the start: a duplicate name, an invalid limit, a handler that does not
    /// start.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A limit that needs a restart has another value.
    #[error("{limit} cannot change without a restart: keep its value, or restart the agent")]
    NeedsRestart {
        /// The limit's name, as [`Agent::limit_names`](crate::Agent::limit_names) gives it.
        limit: &'static str,
    },
    /// An arbiter did not respond in time.
    #[error(
        "a worker thread is blocked or overloaded: find out which handler blocks its thread, and put it on \
         threads with `on_blocking`"
    )]
    Unresponsive,
    /// A worker thread has ended.
    #[error("a worker thread has ended: restart the agent")]
    ArbiterGone,
    /// The agent stops.
    #[error("given up: the agent stops")]
    Stopping,
    /// The caller dropped the future.
    #[error("given up: it was cancelled before all worker threads were ready")]
    Abandoned,
}

impl ReloadError {
    /// The outcome that the reload is counted with.
    #[must_use]
    pub fn outcome(&self) -> ReloadOutcome {
        match self {
            Self::Agent(AgentError::Handler { .. }) => ReloadOutcome::Failed,
            Self::Agent(_) | Self::NeedsRestart { .. } => ReloadOutcome::Refused,
            Self::Unresponsive | Self::ArbiterGone => ReloadOutcome::Unresponsive,
            Self::Stopping | Self::Abandoned => ReloadOutcome::GivenUp,
        }
    }
}

impl fmt::Debug for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
