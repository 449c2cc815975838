//! Why a program does not start, and why there is no answer.

use std::{io, path::PathBuf, time::Duration};

/// Why a program does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its file cannot be run.
    #[error("cannot run {}: {cause}; name an executable file in `command`", file.display())]
    Run {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is no such user.
    #[error("there is no user {0}: name one of this system in `user`")]
    NoUser(String),
    /// The system cannot say who the user is.
    #[error("cannot look up the user {0}: {1}")]
    User(String, io::Error),
    /// Its memory cannot be limited.
    #[error(
        "cannot limit the memory of the program: {0}; the agent needs CAP_SYS_RESOURCE to limit a \
         program of another `user`"
    )]
    Memory(io::Error),
    /// It ended before it was ready.
    #[error("the program ended before it was ready; see what it wrote to stderr")]
    Ended,
    /// It is not ready in time.
    #[error(
        "the program was not ready within {0:?}: answer the first line with {{\"ready\": true}}, or \
         raise `start_timeout`"
    )]
    Late(Duration),
    /// Its first line is something else.
    #[error("the first line of the program is {0:?}: expected {{\"ready\": true}}")]
    NotReady(String),
    /// There is no thread for it.
    #[error("cannot start the thread of the program: {0}")]
    Thread(io::Error),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It was not answered in time.
    #[error("the program did not answer in time")]
    Timeout,
    /// No process is ready.
    #[error("no process of the program is ready")]
    Unavailable,
    /// Too many questions wait.
    #[error("too many questions wait for the program")]
    Busy,
    /// The process ended over the question.
    #[error("the program ended over the question")]
    Exited,
    /// What it wrote is no answer.
    #[error("the program wrote no answer to its question")]
    BadAnswer,
}

impl AskError {
    /// The error in one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::Exited => "exited",
            Self::BadAnswer => "bad_answer",
        }
    }
}
