//! Admin: the endpoint for operators and their tools, on threads of its own.
//!
//! ```text
//! endpoint ─▶ view ─▶ stage                 HTTP; what it looks at; whether the agent should be asked
//!          ─▶ status_json ─▶ totals_json    what /status.json says, and the page shows
//!                         ─▶ route_json
//! ```

mod endpoint;
mod route_json;
mod stage;
mod status_json;
#[cfg(test)]
mod tests;
mod totals_json;
mod view;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread,
};

use actix_rt::System;
use thiserror::Error;

pub(crate) use view::View;

/// The endpoint, bound and not yet served.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why there is no endpoint.
#[derive(Debug, Error)]
pub(crate) enum AdminError {
    #[error("cannot serve the admin endpoint on {address}: {cause}{}", advice(.cause))]
    Bind { address: String, cause: io::Error },
    #[error("cannot start the thread of the admin endpoint: {0}")]
    Thread(io::Error),
}

impl Admin {
    /// Listens on `HOST:PORT`.
    pub(crate) fn bind(address: &str) -> Result<Self, AdminError> {
        let bound = TcpListener::bind(address)
            .and_then(|listener| Ok(Self { address: listener.local_addr()?, listener }));
        bound.map_err(|cause| AdminError::Bind { address: address.to_owned(), cause })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends, on threads that it does not wait for.
    pub(crate) fn serve(self, view: View) -> Result<(), AdminError> {
        let serve = move || {
            let served = System::new().block_on(endpoint::serve(self.listener, view));
            if let Err(error) = served {
                tracing::error!(%error, "the admin endpoint has ended; the agent goes on without it");
            }
        };
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(serve);
        thread.map(drop).map_err(AdminError::Thread)
    }
}

/// What to do about it.
fn advice(cause: &io::Error) -> &'static str {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
    match cause.kind() {
        AddrInUse => "; stop what listens there, or choose another address with --admin",
        AddrNotAvailable => "; choose an address of this machine with --admin",
        PermissionDenied => "; choose a port from 1024 on with --admin, or run with the right",
        _ => "; choose another address with --admin",
    }
}
