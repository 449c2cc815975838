//! The peer as a program: `peer --listen 127.0.0.1:12345 [--nodelay]`; SIGTERM and SIGINT end it.

use std::error::Error;

use clap::Parser;
use spoa_bench::{Sockets, serve_peer};
use tokio::signal::unix::{SignalKind, signal};

/// An agent on the crate `spop`.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    sockets: Sockets,
    /// Set `TCP_NODELAY`, which the crate leaves to its users.
    #[arg(long)]
    nodelay: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = serve_peer(options.sockets, options.nodelay) => Ok(served?),
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
