//! The floor as a program: `floor --listen 127.0.0.1:12345`; SIGTERM and SIGINT end it.

use std::error::Error;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use spoa_bench::{Floor, Sockets};

fn main() -> Result<(), Box<dyn Error>> {
    let sockets = Sockets::parse();
    let (end, signals) = UnixStream::pair()?;
    pipe::register(SIGTERM, signals.try_clone()?)?;
    pipe::register(SIGINT, signals)?;
    let mut floor = Floor::new(end)?;
    if let Some(address) = &sockets.listen {
        floor = floor.listen(TcpListener::bind(address)?)?;
    }
    if let Some(path) = &sockets.unix {
        floor = floor.listen_unix(UnixListener::bind(path)?)?;
    }
    Ok(floor.serve()?)
}
