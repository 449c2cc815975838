//! Listener: a TCP address or a UNIX socket, and the sockets that come from it.

use std::{
    fs, io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use socket2::{Domain, SockAddr, Type};
use tokio::{
    net::{TcpListener, UnixListener},
    time::sleep,
};

use crate::throttle::Throttle;

/// HAProxy opens a burst of connections when it reloads.
const BACKLOG: i32 = 4096;
/// How long accepting pauses when the system has no descriptor or memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// An accepted connection on its way to an arbiter.
pub(crate) enum Socket {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
    #[cfg(feature = "testing")]
    InMemory(Box<dyn crate::testing::ByteStream>),
}

/// Something that listens, and is not yet part of a runtime.
pub(crate) enum Listener {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, SocketFile),
}

/// The file of a UNIX socket, removed with its listener.
pub(crate) struct SocketFile(PathBuf);

impl Listener {
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
        Ok(Self::Unix(socket.into(), file))
    }

    /// The TCP address that is listened on.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Makes it part of this thread's runtime.
    pub(crate) fn activate(self) -> io::Result<ActiveListener> {
        Ok(match self {
            Self::Tcp(listener) => ActiveListener::Tcp(TcpListener::from_std(listener)?),
            Self::Unix(listener, file) => {
                ActiveListener::Unix(UnixListener::from_std(listener)?, file)
            }
        })
    }
}

/// A listener in a runtime.
pub(crate) enum ActiveListener {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "held to be removed at the end")] SocketFile),
}

impl ActiveListener {
    /// Hands every connection to `take`, for as long as the returned future is polled.
    pub(crate) async fn run(self, mut take: impl FnMut(Socket)) {
        let log = Throttle::default();
        loop {
            match self.accept().await {
                Ok(socket) => take(socket),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Most likely EMFILE: connections wait in the backlog until there is room.
                    if let Some(unsaid) = log.permit() {
                        tracing::error!(
                            %error, unsaid,
                            "cannot accept connections; raise the limit of open files (ulimit -n)"
                        );
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream.into_std()?, address))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Socket::Unix(stream.into_std()?))
            }
        }
    }
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
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => {
            let text = "another process listens on it; stop that one, or choose another path";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}
