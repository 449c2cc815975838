//! What `gen-config` writes, and where.

use std::path::PathBuf;

use clap::Args;

use super::{haproxy_version::HaproxyVersion, prefix::Prefix};

/// What `gen-config` writes, and where.
#[derive(Args, Debug)]
pub(crate) struct GenConfigOptions {
    /// The version of HAProxy that reads the files
    #[arg(long, value_name = "VERSION")]
    pub(super) haproxy: HaproxyVersion,
    /// The configuration file [default: `SPOA_CONFIG`]
    #[arg(long, value_name = "FILE", env = "SPOA_CONFIG", hide_env = true)]
    pub(super) config: PathBuf,
    /// What the names of variables, headers, files and the backend begin with
    #[arg(long, value_name = "PREFIX", default_value = "spoa")]
    pub(super) prefix: Prefix,
    /// Write files into this folder, instead of one text to stdout
    #[arg(long, value_name = "DIR")]
    pub(super) write: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long, requires = "write")]
    pub(super) force: bool,
}
