//! Listener: a TCP address or a UNIX socket, and the sockets that come from it.

use std::{
    fs, io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, SockAddr, SockRef, TcpKeepalive, Type};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::oneshot,
    time::sleep,
};

use crate::{fence, listener_counters::ListenerCounters, preamble::Entrance, throttle::Throttle};

/// HAProxy opens a burst of connections when it reloads.
const BACKLOG: i32 = 4096;
/// When the kernel begins to ask whether a silent peer is still there: HAProxy may be silent for
/// ever, but a host that has vanished must not keep its connections for ever.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long accepting pauses when the system has no descriptor or memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// An accepted connection on its way to an arbiter.
pub(crate) enum Socket {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
    #[cfg(feature = "testing")]
    InMemory(Box<dyn ByteStream>),
}

impl Socket {
    fn tcp(stream: std::net::TcpStream, address: SocketAddr) -> Self {
        // They fail only on a connection that has gone already, which its actor will see.
        let _ = stream.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        Self::Tcp(stream, address)
    }
}

/// Any stream of bytes that can be handed to an agent in memory.
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

/// Something that listens, and what a connection there has to bring before SPOP.
pub(crate) struct Listener {
    /// Where it listens: `127.0.0.1:12345` or `unix:/run/spoa.sock`.
    pub(crate) name: Arc<str>,
    pub(crate) bound: Bound,
    pub(crate) entrance: Entrance,
}

/// Something that listens, and is not yet part of a runtime.
///
/// The file of a socket is removed before the socket closes: so nobody takes it for a dead one.
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    Unix(SocketFile, std::os::unix::net::UnixListener),
}

/// The file of a UNIX socket, removed with its listener.
pub(crate) struct SocketFile(PathBuf);

impl Bound {
    /// Listens on the first of `address` that can be listened on.
    pub(crate) fn tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in address.to_socket_addrs()? {
            match listen_tcp(address) {
                Ok(listener) => return Ok(Self::Tcp(listener)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Listens on a UNIX socket; the file that a dead process left behind is replaced.
    pub(crate) fn unix(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile(path.to_owned());
        if let Some(mode) = mode {
            // Before `listen`: nobody connects under another mode.
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        socket.listen(BACKLOG)?;
        Ok(Self::Unix(file, socket.into()))
    }

    /// The TCP address that is listened on.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Where it listens, as operators know it.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::Tcp(_) => self.local_address().map_or("tcp".into(), |a| a.to_string().into()),
            Self::Unix(file, _) => format!("unix:{}", file.0.display()).into(),
        }
    }

    /// Makes it part of this thread's runtime.
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
    Unix(SocketFile, UnixListener),
}

impl ActiveListener {
    /// Hands every connection to `take` until `stopped`, and then those that are in the backlog.
    pub(crate) async fn run(
        self,
        mut take: impl FnMut(Socket),
        mut stopped: oneshot::Receiver<()>,
        counters: Arc<ListenerCounters>,
    ) {
        let log = Throttle::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                _ = &mut stopped => break,
            };
            match accepted {
                Ok(socket) => take(socket),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    counters.accept_failed();
                    // Most likely EMFILE: connections wait in the backlog until there is room.
                    if let Some(unsaid) = log.permit() {
                        fence::quietly(|| report(&error, unsaid));
                    }
                    sleep(PAUSE).await;
                }
            }
        }
        // It ends with "would block": all are handed over.
        let _ = self.empty_backlog(take);
    }

    /// Hands over what has connected already: it would be reset when the listener closes.
    fn empty_backlog(self, mut take: impl FnMut(Socket)) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                let listener = listener.into_std()?;
                for _ in 0..BACKLOG {
                    let Some((stream, address)) = whole(listener.accept())? else { continue };
                    stream.set_nonblocking(true)?;
                    take(Socket::tcp(stream, address));
                }
            }
            Self::Unix(_file, listener) => {
                let listener = listener.into_std()?;
                for _ in 0..BACKLOG {
                    let Some((stream, _)) = whole(listener.accept())? else { continue };
                    stream.set_nonblocking(true)?;
                    take(Socket::Unix(stream));
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

/// Nothing for a connection that was over before it was accepted.
fn whole<T>(accepted: io::Result<T>) -> io::Result<Option<T>> {
    match accepted {
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
        accepted => accepted.map(Some),
    }
}

fn report(error: &io::Error, unsaid: u64) {
    tracing::error!(
        %error,
        unsaid,
        "cannot accept connections; raise the limit of open files (ulimit -n)"
    );
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If somebody has removed it already, there is nothing to do.
        let _ = fs::remove_file(&self.0);
    }
}

fn listen_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Removes a socket file that nobody listens on; refuses to touch anything else.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        let text = "there is a file that is no socket; remove it, or choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // A full backlog answers "would block": somebody listens.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => {
            let text = "another process listens on it; stop that one, or choose another path";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checklist_03_an_accepted_connection_has_tcp_nodelay_and_keepalive() -> io::Result<()> {
        let listener = Bound::tcp("127.0.0.1:0")?;
        let address = listener.local_address().expect("a TCP listener has one");
        let listener = listener.activate()?;
        let _client = std::net::TcpStream::connect(address)?;
        let Socket::Tcp(stream, _) = listener.accept().await? else { panic!("no TCP stream") };
        assert!(stream.nodelay()?);
        assert!(SockRef::from(&stream).keepalive()?);
        Ok(())
    }
}
