//! File options: which configuration file a command is about.

use std::path::PathBuf;

use clap::Args;

/// Which configuration file a command is about.
#[derive(Args, Debug)]
pub(crate) struct FileOptions {
    /// The configuration file [default: `SPOA_CONFIG`]
    #[arg(value_name = "FILE", env = "SPOA_CONFIG", hide_env = true)]
    pub(crate) file: PathBuf,
}
