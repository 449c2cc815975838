//! Listener: a TCP address or a UNIX socket, and the connections that it accepts.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive, Type};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    addresses,
    preamble::ListenerSetup,
    socket_file::{self, SocketFile},
};
use crate::{
    handler::fence,
    log,
    observe::{ListenerCounters, RateLimit},
};

/// HAProxy opens a burst of connections when it reloads.
const BACKLOG: i32 = 4096;
/// When the kernel begins to probe a silent peer. HAProxy can be silent forever, but the
/// connections of a host that has vanished must end.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long accepting pauses when the system has no file descriptor or memory left.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the connections in the backlog have to be accepted at a stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// An accepted connection on its way to an arbiter.
pub(crate) enum Socket {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
    #[cfg(feature = "testing")]
    InMemory(Box<dyn ByteStream>),
}

impl Socket {
    fn tcp(stream: std::net::TcpStream, address: SocketAddr) -> Self {
        // These fail only on a closed connection; its actor will see that.
        let _ = stream.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        Self::Tcp(stream, address)
    }
}

/// A stream of bytes that an agent in memory can serve.
#[cfg(feature = "testing")]
pub trait ByteStream:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static
{
}

#[cfg(feature = "testing")]
impl<S> ByteStream for S where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static
{
}

#[cfg(feature = "testing")]
impl crate::connection::Transport for Box<dyn ByteStream> {}

/// A listening socket, and what its connections send before SPOP.
pub(crate) struct Listener {
    /// The address: `127.0.0.1:12345` or `unix:/run/spoa.sock`.
    pub(crate) name: Arc<str>,
    pub(crate) bound: Bound,
    pub(crate) setup: ListenerSetup,
    /// Whether another process keeps the socket open: the connections in its backlog are for the
    /// next agent.
    pub(crate) is_handed_over: bool,
}

/// A listening socket that is not part of a runtime yet.
///
/// The file is removed before the socket closes, so that no process takes it for a stale one.
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    /// A socket that was handed over has a file as well, which belongs to another process.
    Unix(Option<SocketFile>, std::os::unix::net::UnixListener),
}

impl Bound {
    /// Listens on a TCP address, beside `others`. If one of them has taken IPv4 as well, it leaves
    /// IPv4 to this listener.
    pub(crate) fn tcp(address: SocketAddr, others: &mut Vec<Listener>) -> io::Result<Self> {
        if address.is_ipv4() {
            // Not an error: operators write `[::]` and `0.0.0.0` with one port for "everywhere".
            Self::leave_ipv4(address.port(), others)?;
        }
        let others = others.iter().filter_map(|other| other.bound.local_address());
        Ok(Self::Tcp(addresses::listen(address, BACKLOG, others)?))
    }

    fn leave_ipv4(port: u16, listeners: &mut Vec<Listener>) -> io::Result<()> {
        let takes = |listener: &Listener| match &listener.bound {
            Self::Tcp(tcp) => !listener.is_handed_over && addresses::takes_ipv4(tcp, port),
            Self::Unix(..) => false,
        };
        if let Some(at) = listeners.iter().position(takes) {
            let Listener { name, bound, setup, is_handed_over } = listeners.remove(at);
            // The port is free only after the socket is closed: a socket for IPv6 and IPv4 cannot
            // become one for IPv6 alone.
            drop(bound);
            let [own, other] = [IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()]
                .map(|ip| SocketAddr::new(ip, port));
            let bound = Self::Tcp(addresses::listen(own, BACKLOG, [other])?);
            listeners.insert(at, Listener { name, bound, setup, is_handed_over });
        }
        Ok(())
    }

    /// Listens on a UNIX socket; replaces the file of a dead process.
    pub(crate) fn unix(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        let (file, listener) = socket_file::listen(path, mode, BACKLOG)?;
        Ok(Self::Unix(Some(file), listener))
    }

    /// Sets the options of a socket that was handed over, and refuses one that does not listen.
    pub(crate) fn check_handed_over(&self) -> io::Result<()> {
        let socket = match self {
            Self::Tcp(listener) => SockRef::from(listener),
            Self::Unix(_, listener) => SockRef::from(listener),
        };
        if !socket.is_listener()? || socket.r#type()? != Type::STREAM {
            let text = "it is no stream socket that listens: write ListenStream= and Accept=no into \
                        the .socket unit";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // systemd can hand over a blocking socket; a blocking `accept` would stop the thread.
        socket.set_nonblocking(true)
    }

    /// The TCP address.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// The path of a UNIX socket.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(Some(file), _) => Some(file.path().to_owned()),
            Self::Unix(None, listener) => {
                listener.local_addr().ok()?.as_pathname().map(Path::to_owned)
            }
        }
    }

    /// The address as operators know it.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::Tcp(_) => self.local_address().map_or("tcp".into(), |a| a.to_string().into()),
            Self::Unix(..) => match self.path() {
                Some(path) => format!("unix:{}", path.display()).into(),
                // In the abstract namespace.
                None => "unix".into(),
            },
        }
    }

    /// Registers the socket with this thread's runtime.
    pub(crate) fn activate(self) -> io::Result<ActiveListener> {
        Ok(match self {
            Self::Tcp(listener) => ActiveListener::Tcp(TcpListener::from_std(listener)?),
            Self::Unix(file, listener) => {
                ActiveListener::Unix(file, UnixListener::from_std(listener)?)
            }
        })
    }
}

/// A listener in a runtime.
pub(crate) enum ActiveListener {
    Tcp(TcpListener),
    Unix(Option<SocketFile>, UnixListener),
}

impl ActiveListener {
    /// Gives every connection to `take` until `stopped`, and then those in the backlog, unless they
    /// are for the next agent.
    pub(crate) async fn run(
        self,
        mut take: impl AsyncFnMut(Socket),
        mut stopped: oneshot::Receiver<()>,
        is_handed_over: bool,
        counters: Arc<ListenerCounters>,
    ) {
        let log = RateLimit::default();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stopped => break,
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok(socket) => {
                    let mut taken = pin!(take(socket));
                    tokio::select! {
                        biased;
                        () = &mut taken => {}
                        // A stop drops no accepted connection, unless no arbiter takes it.
                        _ = &mut stopped => {
                            if timeout(PATIENCE, taken).await.is_err() {
                                return;
                            }
                            break;
                        }
                    }
                }
                // The peer closed the connection in the backlog; the listener works.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    counters.accept_failed();
                    // Most likely EMFILE: connections wait in the backlog until a descriptor is
                    // free.
                    if let Some(suppressed) = log.permit() {
                        fence::quietly(|| report(&error, suppressed));
                    }
                    // The socket stays ready: without a pause the loop would spin until a
                    // descriptor is free.
                    sleep(PAUSE).await;
                }
            }
        }
        if is_handed_over {
            // The connections in the backlog are for the next agent.
            return;
        }
        // It ends with "would block" after the last connection, or no arbiter takes them.
        let _ = timeout(PATIENCE, self.empty_backlog(take)).await;
    }

    /// Accepts the connections in the backlog, which the close of the listener would reset.
    async fn empty_backlog(self, mut take: impl AsyncFnMut(Socket)) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                let listener = listener.into_std()?;
                for _ in 0..BACKLOG {
                    let Some((stream, address)) = whole(listener.accept())? else { continue };
                    stream.set_nonblocking(true)?;
                    take(Socket::tcp(stream, address)).await;
                }
            }
            Self::Unix(file, listener) => {
                // First, so that no other process finds a file that refuses connections.
                drop(file);
                let listener = listener.into_std()?;
                for _ in 0..BACKLOG {
                    let Some((stream, _)) = whole(listener.accept())? else { continue };
                    stream.set_nonblocking(true)?;
                    take(Socket::Unix(stream)).await;
                }
            }
        }
        Ok(())
    }

    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Socket::tcp(stream.into_std()?, address))
            }
            Self::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Socket::Unix(stream.into_std()?))
            }
        }
    }
}

/// `None` for a connection that was closed before it was accepted.
fn whole<T>(accepted: io::Result<T>) -> io::Result<Option<T>> {
    match accepted {
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
        accepted => accepted.map(Some),
    }
}

fn report(error: &io::Error, suppressed: u64) {
    log::error!(
        %error,
        suppressed,
        "accepting failed: no file can be opened; raise LimitNOFILE in the systemd unit or \
         `ulimit -n`"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checklist_03_an_accepted_connection_has_tcp_nodelay_and_keepalive() -> io::Result<()> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Bound::tcp(free, &mut Vec::new())?;
        let address = listener.local_address().expect("a TCP listener has one");
        let listener = listener.activate()?;
        let _client = std::net::TcpStream::connect(address)?;
        let Socket::Tcp(stream, _) = listener.accept().await? else { panic!("no TCP stream") };
        assert!(stream.nodelay()?);
        assert!(SockRef::from(&stream).keepalive()?);
        Ok(())
    }

    #[tokio::test]
    async fn the_file_of_a_socket_goes_before_its_backlog_is_handed_over() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("spoa-{:08x}.sock", fastrand::u32(..)));
        let listener = Bound::unix(&path, None)?.activate()?;
        let _client = std::os::unix::net::UnixStream::connect(&path)?;
        let (stop, stopped) = oneshot::channel();
        stop.send(()).expect("it is there");
        let mut taken = 0;
        let take = async |_| {
            taken += 1;
            assert!(!path.exists(), "another agent finds a file that refuses as soon as it closes");
        };
        listener.run(take, stopped, false, Arc::default()).await;
        assert_eq!(taken, 1);
        Ok(())
    }
}
