//! Listen options: where, what is answered, and what is written.

use std::path::PathBuf;

use clap::Args;

use super::set_variable::SetVariable;
use crate::{ask::endpoint_options::DEFAULT_ADDRESS, option_values};

/// Where `listen` listens, what it answers, and what it writes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListenOptions {
    /// Listen on this TCP address; repeatable [default: 127.0.0.1:12345, if there is no --unix]
    #[arg(long, value_name = "HOST:PORT", value_parser = option_values::address)]
    listen: Vec<String>,
    /// Listen on a UNIX socket at this path; repeatable
    #[arg(long, value_name = "PATH")]
    pub(super) unix: Vec<PathBuf>,
    /// Set this variable in every answer; repeatable
    #[arg(long, value_name = "SCOPE.NAME[:TYPE]=VALUE")]
    pub(super) set: Vec<SetVariable>,
    /// Print every message in full, and not only the first of each form
    #[arg(long)]
    pub(super) all: bool,
    /// Write a configuration file for the messages that come; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
}

impl ListenOptions {
    /// The TCP addresses; the default one only without other listeners.
    pub(super) fn addresses(&self) -> Vec<&str> {
        if self.listen.is_empty() && self.unix.is_empty() {
            return vec![DEFAULT_ADDRESS];
        }
        self.listen.iter().map(String::as_str).collect()
    }
}
