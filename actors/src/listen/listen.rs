//! Listen: the description of one listener.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    addresses,
    listener::{Bound, Listener},
    preamble::ListenerSetup,
};
#[cfg(feature = "tls")]
use super::{certificates::Certificates, tls::Tls};
use crate::{error::AgentError, limits::check};

/// All permission bits of a file.
const MODE_BITS: u32 = 0o777;

/// Sets where an agent listens, and what a connection sends before SPOP: a PROXY header, TLS.
///
/// ```no_run
/// # use spoa_actors::{Agent, AgentError, Listen};
/// # fn main() -> Result<(), AgentError> {
/// let agent = Agent::new()
///     .listen_on(Listen::tcp("0.0.0.0:12345").proxy_protocol())?
///     .listen_on(Listen::unix("/run/spoa.sock").mode(0o660))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Listen {
    place: Endpoint,
    proxy_header: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
enum Endpoint {
    Tcp(String),
    Unix { path: PathBuf, mode: Option<u32> },
    HandedOverTcp(Arc<TcpListener>),
    HandedOverUnix(Arc<UnixListener>),
}

impl Listen {
    /// Listens on a TCP address, `HOST:PORT`. Port 0 takes a free port.
    ///
    /// A name stands for all its addresses on this machine: `localhost` for `127.0.0.1` and
    /// `[::1]`. `[::]` accepts IPv4 as well, unless the agent listens on an IPv4 address with the
    /// same port.
    #[must_use]
    pub fn tcp(address: impl fmt::Display) -> Self {
        Self::at(Endpoint::Tcp(address.to_string()))
    }

    /// Listens on a UNIX socket at this path.
    ///
    /// If a dead process has left a socket file there, the agent replaces it. It removes its own
    /// file when it stops.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Endpoint::Unix { path: path.into(), mode: None })
    }

    /// Accepts connections on a listening TCP socket that another process keeps open, such as
    /// systemd.
    ///
    /// A restart of the agent then refuses no connection: new ones wait in the backlog of the
    /// socket, and the next agent accepts them. If all sockets of the agent are handed over, a stop
    /// refuses no health checks and skips the [`notice_period`](crate::Limits::notice_period): the
    /// agent stops as soon as its NOTIFYs are answered.
    ///
    /// If no other process has the socket, a stop resets the connections in its backlog.
    #[must_use]
    pub fn handed_over_tcp(socket: TcpListener) -> Self {
        Self::at(Endpoint::HandedOverTcp(Arc::new(socket)))
    }

    /// Accepts connections on a listening UNIX socket that another process keeps open; see
    /// [`handed_over_tcp`](Self::handed_over_tcp). The file stays when the agent stops.
    #[must_use]
    pub fn handed_over_unix(socket: UnixListener) -> Self {
        Self::at(Endpoint::HandedOverUnix(Arc::new(socket)))
    }

    fn at(place: Endpoint) -> Self {
        Self {
            place,
            proxy_header: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Sets the permission bits of the socket file, up to `0o777` [default: the umask's]. A TCP
    /// address has none, and a socket that was handed over keeps its own.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        if let Endpoint::Unix { mode, .. } = &mut self.place {
            *mode = Some(bits);
        }
        self
    }

    /// Requires a PROXY header, version 1 or 2, on every connection (`send-proxy` or
    /// `send-proxy-v2` on HAProxy's server line). A connection without one is closed.
    ///
    /// Its source address becomes [`Origin::peer_address`](crate::Origin::peer_address). A header
    /// without an address (UNKNOWN, LOCAL) leaves the address of the socket. The header must arrive
    /// within `hello_timeout`, and has up to 107 bytes (version 1) or 4 KiB (version 2).
    #[must_use]
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_header = true;
        self
    }

    /// Requires TLS on every connection, after the PROXY header if there is one. The handshake must
    /// be complete within `hello_timeout`. A connection that speaks another protocol is closed.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Opens the sockets, beside `listeners`, and adds one listener per address.
    pub(crate) fn open(self, listeners: &mut Vec<Listener>) -> Result<(), AgentError> {
        match &self.place {
            Endpoint::Tcp(name) => {
                let failed = |cause| AgentError::Bind { address: name.clone(), cause };
                self.open_tcp(name, addresses::resolve(name).map_err(failed)?, listeners)
            }
            Endpoint::Unix { path, mode } => self.open_unix(path, *mode, listeners),
            Endpoint::HandedOverTcp(socket) => {
                self.open_handed_over(socket.try_clone().map(Bound::Tcp), listeners)
            }
            Endpoint::HandedOverUnix(socket) => {
                let bound = socket.try_clone().map(|socket| Bound::Unix(None, socket));
                self.open_handed_over(bound, listeners)
            }
        }
    }

    fn open_tcp(
        &self,
        name: &str,
        addresses: Vec<SocketAddr>,
        listeners: &mut Vec<Listener>,
    ) -> Result<(), AgentError> {
        let failed = |cause| AgentError::Bind { address: name.to_owned(), cause };
        let mut opened = None;
        let mut elsewhere = Vec::new();
        for mut address in addresses {
            if let (Some(first), 0) = (opened, address.port()) {
                // All addresses of a name have the same port.
                address.set_port(SocketAddr::port(&first));
            }
            let own = listeners.iter().filter_map(|own| own.bound.local_address());
            if let Some(cause) = own.filter_map(|own| overlap(own, address)).next() {
                return Err(AgentError::Bind { address: address.to_string(), cause });
            }
            match Bound::tcp(address, listeners) {
                Ok(bound) => {
                    opened = opened.or(bound.local_address());
                    self.add(bound, listeners)?;
                }
                Err(cause) if addresses::is_elsewhere(&cause) => elsewhere.push((address, cause)),
                Err(cause) if address.to_string() == name => return Err(failed(cause)),
                Err(cause) => {
                    return Err(AgentError::Bind { address: format!("{name} ({address})"), cause });
                }
            }
        }
        if opened.is_some() {
            for (address, cause) in elsewhere {
                tracing::info!("address skipped: cannot listen on {address} of {name}: {cause}");
            }
            return Ok(());
        }
        // Only addresses of other machines, and none was usable.
        elsewhere.into_iter().try_for_each(|(_, cause)| Err(failed(cause)))
    }

    fn open_unix(
        &self,
        path: &Path,
        mode: Option<u32>,
        listeners: &mut Vec<Listener>,
    ) -> Result<(), AgentError> {
        if let Some(bits) = mode {
            check("mode of a UNIX socket", bits <= MODE_BITS, "permission bits, at most 0o777")?;
        }
        let failed = |cause| AgentError::BindUnix { path: path.to_owned(), cause };
        if listeners.iter().any(|own| own.bound.path().as_deref() == Some(path)) {
            return Err(failed(twice()));
        }
        self.add(Bound::unix(path, mode).map_err(failed)?, listeners)
    }

    fn open_handed_over(
        &self,
        bound: io::Result<Bound>,
        listeners: &mut Vec<Listener>,
    ) -> Result<(), AgentError> {
        let checked = bound.and_then(|bound| bound.check_handed_over().map(|()| bound));
        let bound = checked.map_err(|cause| AgentError::Bind {
            address: "a socket that was handed over".to_owned(),
            cause,
        })?;
        self.add(bound, listeners)
    }

    fn add(&self, bound: Bound, listeners: &mut Vec<Listener>) -> Result<(), AgentError> {
        let (name, setup) = (bound.name(), self.setup()?);
        let is_handed_over =
            matches!(self.place, Endpoint::HandedOverTcp(_) | Endpoint::HandedOverUnix(_));
        listeners.push(Listener { name, bound, setup, is_handed_over });
        Ok(())
    }

    /// What its connections send before SPOP.
    pub(crate) fn setup(&self) -> Result<ListenerSetup, AgentError> {
        Ok(ListenerSetup {
            proxy_header: self.proxy_header,
            #[cfg(feature = "tls")]
            certificates: self.tls.as_ref().map(Certificates::load).transpose()?,
        })
    }
}

/// Why this agent cannot listen on both addresses.
fn overlap(own: SocketAddr, address: SocketAddr) -> Option<io::Error> {
    if own == address {
        return Some(twice());
    }
    // Addresses of two families do not overlap: the socket of `[::]` can leave IPv4 to another.
    let is_one_family = own.is_ipv4() == address.is_ipv4();
    let [any, other] = match (own.ip().is_unspecified(), address.ip().is_unspecified()) {
        (true, false) => [own, address],
        (false, true) => [address, own],
        _ => return None,
    };
    (is_one_family && own.port() == address.port() && address.port() != 0).then(|| {
        let text = format!(
            "this agent listens on {own} already, and {any} takes {other} as well; name one of them"
        );
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    })
}

fn twice() -> io::Error {
    let text = "this agent listens on it already; name it once";
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(addresses: &[&str]) -> Result<Vec<SocketAddr>, AgentError> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let mut listeners = Vec::new();
        Listen::tcp("name:0").open_tcp("name:0", addresses, &mut listeners)?;
        let own = listeners.iter().map(|listener| listener.bound.local_address().unwrap());
        Ok(own.collect())
    }

    #[test]
    fn a_name_is_listened_on_at_each_address_of_this_machine_with_one_port() {
        let own = open(&["[::1]:0", "203.0.113.1:0", "127.0.0.1:0"]).unwrap();
        let hosts: Vec<_> = own.iter().map(|own| own.ip().to_string()).collect();
        assert_eq!(hosts, ["::1", "127.0.0.1"]);
        assert!(own[0].port() == own[1].port() && own[0].port() > 0, "{own:?}");
    }

    #[test]
    fn a_name_without_an_address_of_this_machine_is_an_error_that_names_it() {
        let error = open(&["198.51.100.1:0", "203.0.113.1:0"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot listen on name:0: "), "{error}");
    }
}
