//! Errors, graded by who must act: the handler's author, or the one who starts the agent.
//!
//! Each says all it knows in one line, its cause included.
//!
//! What a peer does wrong is a [`Violation`](crate::spop::Violation).

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use crate::{
    args::ArgsError,
    observe::Outcome,
    spop::{ActionError, ForeignText},
    supervision::Panic,
};

/// Any error of a handler.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a message has no answer of its handler.
///
/// Its fate is always the same: the route's fallback takes its place, it is counted and logged, and
/// HAProxy never hears of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The arguments are not those that the handler asks for.
    #[error(transparent)]
    Arguments(#[from] ArgsError),
    /// The handler returned an error.
    #[error("the handler failed: {}", ForeignText::of(.0))]
    Failed(BoxError),
    /// The handler panicked.
    #[error("the handler panicked: {0}")]
    Panicked(Panic),
    /// There was no answer by the deadline.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The connection, or the whole agent, had as many messages waiting for answers as its limit allows.
    #[error("message limit reached")]
    AgentOverloaded,
    /// The route had as many calls in flight as its concurrency allows.
    #[error("route concurrency limit reached")]
    RouteFull,
    /// The handler does not start, or failed too often: it gets no calls until it has started.
    #[error("the handler is down")]
    CircuitOpen,
    /// The NOTIFY came in fragments and is larger than the limit: it was not read.
    #[error("the NOTIFY exceeds the size limit and was not read")]
    TooLarge,
    /// The message is after the first 1,024 of its NOTIFY: no handler was called.
    #[error("the NOTIFY has more than 1,024 messages: those after them get no handler")]
    TooManyMessages,
    /// The actor that answers has stopped; a raw actor may have panicked over this message.
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
    /// What happened to its message.
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
/// `Debug` shows the same line as `Display`, so that `fn main() -> Result<(), AgentError>` tells
/// its user what to do.
#[derive(Error)]
#[non_exhaustive]
pub enum AgentError {
    /// A TCP address could not be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A UNIX socket could not be listened on.
    #[error("cannot listen on UNIX socket {}: {cause}", path.display())]
    BindUnix {
        /// The path of the socket.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file of a listener that speaks TLS cannot be used.
    #[error("cannot use {} for TLS: {cause}; {advice}", path.display())]
    Tls {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is nothing to listen on.
    #[error("the agent has no address to listen on: call `listen` or `listen_unix`")]
    NoListener,
    /// Two routes have the same name.
    #[error("two handlers are registered for message {name:?}: each name has one route")]
    DuplicateRoute {
        /// The message's name.
        name: String,
    },
    /// A limit has a value that cannot work.
    #[error("{limit} must be {requirement}")]
    BadLimit {
        /// The limit's name, as [`Agent::limit_names`](crate::Agent::limit_names) gives it.
        limit: &'static str,
        /// What it must be.
        requirement: String,
    },
    /// A handler could not start.
    #[error("the handler of message {name:?} could not start: {}", ForeignText::of(.cause))]
    Handler {
        /// The message's name.
        name: String,
        /// What the handler says.
        cause: BoxError,
    },
    /// There is no actix system on this thread.
    #[error("the agent needs an actix system: use `#[actix_rt::main]`")]
    NoSystem,
    /// A thread, or its event loop, could not be started.
    #[error("cannot start a worker thread: {cause}")]
    Thread {
        /// What the system says.
        cause: io::Error,
    },
    /// A worker thread ended before it was ready.
    #[error("an arbiter ended before it was ready")]
    ArbiterGone,
    /// The signals that end the agent could not be listened to.
    #[error("cannot listen to signals: {cause}")]
    Signals {
        /// What the system says.
        cause: io::Error,
    },
}

impl fmt::Debug for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
