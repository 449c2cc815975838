//! Show-config options: a configuration file, with the options that `run` would have.

use std::path::PathBuf;

use clap::Args;

use crate::run_options::RunOptions;

/// What `show-config` shows: a file, with the options that `run` would have.
#[derive(Args, Debug)]
pub(crate) struct ShowConfigOptions {
    /// The configuration file [default: that of --config or `SPOA_CONFIG`]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}
