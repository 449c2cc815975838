//! Load error: why a load has no result, or not a good one.

use std::io;

use thiserror::Error;

use crate::{
    ask::{ask_error::AskError, message::MessageError},
    failure::Failure,
};

/// Why there is no result, or not a good one.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("--window 0 sends no NOTIFYs: remove --frames or --window 0")]
    NoWindow,
    #[error(
        "a NOTIFY of this message has {length} bytes, and max-frame-size is {limit}: make the \
         message smaller, or announce more with --max-frame-size"
    )]
    TooLarge { length: usize, limit: u32 },
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(
        "a NOTIFY of this message has {length} bytes, and the agent takes {limit}: make the \
         message smaller, or start the agent with a larger --max-frame-size"
    )]
    TooLargeForAgent { length: usize, limit: u32 },
    #[error("the agent does not support pipelining: use --window 1")]
    NoPipelining,
    #[error(
        "{connections} connections need more open files than the limit of {limit}: raise \
         `ulimit -Hn`, or lower --connections"
    )]
    OpenFiles { connections: u32, limit: u64 },
    #[error("cannot read the CPU time and memory of process {pid}: {source}; check --pid")]
    Process { pid: u32, source: io::Error },
    #[error("cannot create a timer: {0}")]
    Timer(io::Error),
    #[error("{count} answers are wrong or missing; the first: {first}")]
    Faults { count: u64, first: String },
    #[error("cannot print the result: {0}")]
    Output(io::Error),
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Message(_) | LoadError::NoWindow | LoadError::TooLarge { .. } => {
                Self::Usage(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}
