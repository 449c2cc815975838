//! Admin: the endpoint for operators and their tools, on a thread of its own.
//!
//! ```text
//! door (places) ─▶ request ─▶ endpoint (access) ─▶ response   one request a connection, all of it bounded
//!                             endpoint ─▶ fresh ─▶ view ─▶ stage     what it looks at, asked once for all
//! status_json ─▶ totals_json, route_json                      what /status.json says, and the page shows
//! ```

mod access;
mod chain_json;
mod door;
mod endpoint;
mod places;
mod request;
mod response;
mod route_json;
mod shared_answer;
mod stage;
mod status_json;
#[cfg(test)]
mod tests;
mod totals_json;
mod view;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::mpsc,
    thread,
};

use spoa_actors::socket_file::{self, SocketFile};
use thiserror::Error;
use tokio::runtime::Builder;

use crate::{
    admin::{
        access::{Access, Token, TokenError},
        door::Door,
        endpoint::Endpoint,
    },
    admin_options::{AdminOptions, AdminPlace, NamedToken},
    shortage::{SHORTAGE, is_shortage},
};

pub(crate) use places::PLACES;
pub(crate) use view::View;

/// How many clients may wait to be accepted on a UNIX socket.
const BACKLOG: i32 = 128;

/// The endpoint, bound and not yet served.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: Listener,
    place: ServedAt,
    access: Access,
}

/// Where the endpoint is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ServedAt {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// The endpoint while it is served. The file of its socket goes with it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) place: ServedAt,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Why there is no endpoint.
#[derive(Debug, Error)]
pub(crate) enum AdminError {
    #[error("cannot serve the admin endpoint on {place}: {cause}{}", advice(.place, .cause))]
    Bind { place: AdminPlace, cause: io::Error },
    #[error("cannot use the token of the admin endpoint in {}: {cause}", path.display())]
    Token { path: PathBuf, cause: TokenError },
    #[error("cannot use the secret {name} as the token of the admin endpoint: {cause}")]
    Secret { name: String, cause: TokenError },
    #[error("cannot start the admin endpoint: {0}{SHORTAGE}")]
    Start(io::Error),
}

impl Admin {
    /// Listens where the options say, if they do.
    pub(crate) fn bind(options: &AdminOptions) -> Result<Option<Self>, AdminError> {
        let Some(place) = &options.admin else { return Ok(None) };
        let token = options.admin_token_file.as_ref().map(|path| {
            let (token, is_open) = Token::read(path)
                .map_err(|cause| AdminError::Token { path: path.clone(), cause })?;
            if is_open {
                tracing::warn!(
                    path = %path.display(),
                    "token file readable by all users: the token of the admin endpoint is no secret; chmod o-r"
                );
            }
            Ok(token)
        });
        let token = match (token.transpose()?, &options.token) {
            (Some(token), _) => Some(token),
            (None, Some(NamedToken { name, secret })) => {
                let token = Token::of(secret.expose());
                Some(token.map_err(|cause| AdminError::Secret { name: name.clone(), cause })?)
            }
            (None, None) => None,
        };
        let bound = match place {
            AdminPlace::Tcp(address) => TcpListener::bind(address).and_then(|listener| {
                let place = ServedAt::Tcp(listener.local_addr()?);
                let host = address.rsplit_once(':').map(|(host, _)| host.to_owned());
                let access =
                    Access::over_tcp(host.into_iter().chain(options.admin_host.clone()), token);
                Ok(Self { listener: Listener::Tcp(listener), place, access })
            }),
            AdminPlace::Unix(path) => {
                let mode = Some(options.admin_unix_mode);
                socket_file::listen(path, mode, BACKLOG).map(|(file, listener)| Self {
                    listener: Listener::Unix(listener, file),
                    place: ServedAt::Unix(path.clone()),
                    access: Access::over_unix(token),
                })
            }
        };
        bound.map(Some).map_err(|cause| AdminError::Bind { place: place.clone(), cause })
    }

    /// Serves until the process ends, on a thread that it does not wait for.
    pub(crate) fn serve(self, view: View) -> Result<Served, AdminError> {
        let endpoint = Endpoint::new(view, self.access);
        let (listener, file) = match self.listener {
            Listener::Tcp(listener) => (Ok(listener), None),
            Listener::Unix(listener, file) => (Err(listener), Some(file)),
        };
        let (started, starting) = mpsc::channel();
        let serve = move || {
            let opened = Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let door = runtime.block_on(async { listener.map_or_else(Door::unix, Door::tcp) });
                door.map(|door| (runtime, door))
            });
            let (outcome, opened) = match opened {
                Ok(opened) => (Ok(()), Some(opened)),
                Err(error) => (Err(error), None),
            };
            let is_awaited = started.send(outcome).is_ok();
            if let Some((runtime, door)) = opened.filter(|_| is_awaited) {
                runtime.block_on(door.serve(endpoint));
            }
        };
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(serve);
        thread.map_err(AdminError::Start)?;
        let gone = || io::Error::other("its thread has ended");
        starting.recv().unwrap_or_else(|_| Err(gone())).map_err(AdminError::Start)?;
        Ok(Served { place: self.place, _file: file })
    }
}

/// What to do about it, where the error itself does not say so.
fn advice(place: &AdminPlace, cause: &io::Error) -> &'static str {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, NotFound, PermissionDenied};
    match (place, cause.kind()) {
        _ if is_shortage(cause) => SHORTAGE,
        (AdminPlace::Unix(_), NotFound) => "; make the folder of the socket first",
        (AdminPlace::Unix(_), PermissionDenied) => {
            "; choose a path with --admin that this user may write to"
        }
        (AdminPlace::Unix(_), _) => "",
        (AdminPlace::Tcp(_), AddrInUse) => {
            "; stop what listens there, or choose another address with --admin"
        }
        (AdminPlace::Tcp(_), AddrNotAvailable) => {
            "; choose an address of this machine with --admin"
        }
        (AdminPlace::Tcp(_), PermissionDenied) => {
            "; choose a port from 1024 on with --admin, or run with the right"
        }
        (AdminPlace::Tcp(_), _) => "; choose another address with --admin",
    }
}
