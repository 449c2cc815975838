//! Output: what a command prints on stdout.

use std::io::{self, Write};

use thiserror::Error;

use crate::failure::Failure;

#[derive(Debug, Error)]
#[error("cannot print the output: {0}")]
struct OutputError(io::Error);

/// Prints a text as it is.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.map_err(|error| Failure::Failed(OutputError(error).into()))
}
