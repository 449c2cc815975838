//! Where a server under measurement listens: the same options for all of them.

use std::path::PathBuf;

use clap::Parser;

/// At least one of them.
#[derive(Clone, Debug, Parser)]
#[group(required = true, multiple = true)]
pub struct Sockets {
    /// Listen on this TCP address.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Listen on this UNIX socket.
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,
}
