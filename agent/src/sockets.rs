//! Sockets: those that systemd has opened for the agent, and hands over when it starts it.

use std::{
    env, iter,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use spoa_actors::Listen;
use thiserror::Error;

/// What systemd calls a socket without a name.
const NAMELESS: &str = "unknown";

/// Why a socket that was asked for cannot be listened on.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    #[error(
        "no socket was handed over for --listen {wanted}: LISTEN_FDS is not set, or LISTEN_PID is \
         another process; start the agent by its systemd .socket unit"
    )]
    None { wanted: String },
    #[error(
        "no socket was handed over for --listen {wanted}, only systemd:{}; compare it with \
         FileDescriptorName= in the .socket unit",
        .there.join(", systemd:")
    )]
    Unknown { wanted: String, there: Vec<String> },
    #[error(
        "descriptor {descriptor}, handed over for --listen {wanted}, is not a TCP or UNIX stream socket: \
         write ListenStream= into the .socket unit"
    )]
    NoStream { wanted: String, descriptor: usize },
}

/// The sockets that were handed over and not taken yet.
#[derive(Default)]
pub(crate) struct Sockets {
    descriptors: Option<ListenFd>,
    /// One for each, until it is taken.
    names: Vec<Option<String>>,
}

/// One that was handed over.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Sockets {
    /// Takes them from the environment, and the variables out of it: so this comes before any thread.
    pub(crate) fn of_process() -> Self {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let descriptors = ListenFd::from_env();
        let names = (0..descriptors.len()).zip(all_names(&names)).map(|(_, name)| Some(name));
        Self { names: names.collect(), descriptors: Some(descriptors) }
    }

    /// Those that were not taken.
    pub(crate) fn unused(&self) -> Vec<String> {
        self.names.iter().flatten().cloned().collect()
    }

    /// Takes those of this name, or all.
    ///
    /// # Errors
    ///
    /// If there is none, or one that is no stream socket.
    pub(crate) fn take(&mut self, name: Option<&str>) -> Result<Vec<Socket>, SocketError> {
        let wanted = || name.map_or("systemd".to_owned(), |name| format!("systemd:{name}"));
        let is_wanted = |own: &Option<String>| {
            own.as_deref().is_some_and(|own| name.is_none_or(|name| name == own))
        };
        let found: Vec<_> =
            (0..self.names.len()).filter(|index| is_wanted(&self.names[*index])).collect();
        if found.is_empty() {
            let there = self.unused();
            return Err(if there.is_empty() {
                SocketError::None { wanted: wanted() }
            } else {
                SocketError::Unknown { wanted: wanted(), there }
            });
        }
        let mut take = |index: usize| {
            self.names[index] = None;
            let descriptors = self.descriptors.as_mut()?;
            // Each refuses what is not of its kind, and leaves it where it is.
            let tcp = descriptors.take_tcp_listener(index).ok().flatten().map(Socket::Tcp);
            tcp.or_else(|| descriptors.take_unix_listener(index).ok().flatten().map(Socket::Unix))
        };
        let socket = |index| {
            let no_stream = || SocketError::NoStream { wanted: wanted(), descriptor: 3 + index };
            take(index).ok_or_else(no_stream)
        };
        found.into_iter().map(socket).collect()
    }
}

/// The names of a list, without end: an empty one is that of its socket, and not of the next.
fn all_names(list: &str) -> impl Iterator<Item = String> {
    let given = list.split(':').chain(iter::repeat(""));
    given.map(|name| if name.is_empty() { NAMELESS } else { name }.to_owned())
}

impl Socket {
    /// The path of a UNIX socket.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(socket) => socket.local_addr().ok()?.as_pathname().map(Path::to_owned),
        }
    }

    /// Whether it is one of TCP, which may speak TLS.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// What listens on it.
    pub(crate) fn listen(self) -> Listen {
        match self {
            Self::Tcp(socket) => Listen::handed_over_tcp(socket),
            Self::Unix(socket) => Listen::handed_over_unix(socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_has_the_name_at_its_place() {
        for (list, names) in [
            ("", ["unknown", "unknown", "unknown"]),
            ("a", ["a", "unknown", "unknown"]),
            ("a::b", ["a", "unknown", "b"]),
            (":b:c:d", ["unknown", "b", "c"]),
        ] {
            assert_eq!(all_names(list).take(3).collect::<Vec<_>>(), names, "{list}");
        }
    }

    #[test]
    fn what_was_not_handed_over_is_named_with_what_was() {
        let named = |names: &[&str]| Sockets {
            names: names.iter().map(|name| Some((*name).to_owned())).collect(),
            ..Sockets::default()
        };
        let error = |mut sockets: Sockets, name| sockets.take(name).err().unwrap().to_string();
        let nothing = error(named(&[]), Some("a"));
        assert!(
            nothing.starts_with("no socket was handed over for --listen systemd:a: LISTEN_FDS")
        );
        let other = error(named(&["b", "c"]), Some("a"));
        assert!(
            other.contains("--listen systemd:a, only systemd:b, systemd:c; compare"),
            "{other}"
        );
        let no_stream = error(named(&["b", "c"]), Some("c"));
        assert!(no_stream.starts_with("descriptor 4, handed over for --listen systemd:c"));
    }
}
