//! The floor: what the kernel takes for a frame, and nothing else.
//!
//! One thread, one epoll, level-triggered. Of a NOTIFY only length and ids are read; its ACK is
//! built beforehand. Per wake-up and connection there is exactly one recv and one send.

mod connection;
mod frames;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use self::connection::{Buffers, Connection, Wish};

const EVENTS: usize = 256;

/// Serves until there is something to read from its end.
#[derive(Debug)]
pub struct Floor {
    epoll: OwnedFd,
    listeners: Vec<Listener>,
    /// By the number of their descriptor.
    connections: Vec<Option<Connection>>,
    buffers: Buffers,
    end: UnixStream,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Floor {
    /// A floor that ends when `end` can be read.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn new(end: UnixStream) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        watch(&epoll, &end)?;
        let (listeners, connections) = (Vec::new(), Vec::new());
        Ok(Self { epoll, listeners, connections, buffers: Buffers::default(), end })
    }

    /// Takes connections of this listener.
    ///
    /// # Errors
    /// It cannot be watched.
    pub fn listen(self, listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        self.add(Listener::Tcp(listener))
    }

    /// Takes connections of this listener.
    ///
    /// # Errors
    /// It cannot be watched.
    pub fn listen_unix(self, listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        self.add(Listener::Unix(listener))
    }

    fn add(mut self, listener: Listener) -> io::Result<Self> {
        watch(&self.epoll, &listener)?;
        self.listeners.push(listener);
        Ok(self)
    }

    /// Serves.
    ///
    /// # Errors
    /// Events cannot be waited for.
    pub fn serve(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Err(error) if error != rustix::io::Errno::INTR => return Err(error.into()),
                _ => {}
            }
            for event in events.drain(..) {
                let token = event.data.u64();
                if token == token_of(&self.end) {
                    return Ok(());
                }
                self.wake(token);
            }
        }
    }

    fn wake(&mut self, token: u64) {
        let at = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(slot) = self.connections.get_mut(at) else { return self.accept(token) };
        let Some(connection) = slot else { return self.accept(token) };
        let has_ended = match connection.wake(&mut self.buffers) {
            Wish::Same => false,
            Wish::Change(wanted) => {
                epoll::modify(&self.epoll, &*connection, EventData::new_u64(token), wanted).is_err()
            }
            Wish::End => true,
        };
        if has_ended {
            *slot = None;
        }
    }

    /// One at a time: a listener with more is reported again.
    fn accept(&mut self, token: u64) {
        let listener = self.listeners.iter().find(|listener| token_of(listener) == token);
        let Some(Ok(socket)) = listener.map(Listener::accept) else { return };
        let at = usize::try_from(socket.as_raw_fd()).unwrap_or_default();
        if watch(&self.epoll, &socket).is_ok() {
            self.connections.resize_with(self.connections.len().max(at + 1), || None);
            self.connections[at] = Some(Connection::new(socket));
        }
    }
}

impl Listener {
    fn accept(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(stream.into())
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

fn watch(epoll: &OwnedFd, what: &impl AsFd) -> io::Result<()> {
    Ok(epoll::add(epoll, what, EventData::new_u64(token_of(what)), EventFlags::IN)?)
}

/// The number of the descriptor.
fn token_of(what: &impl AsFd) -> u64 {
    u64::try_from(what.as_fd().as_raw_fd()).unwrap_or(u64::MAX)
}
