//! Discovery: where an agent of this machine listens, for a command that is given no address.
//!
//! It is a file in memory that the agent holds open (`memfd_create`): it needs no folder that can be written, and
//! the kernel removes it with the process, however that ends. `/proc/PID/fd` shows it to the same user and to root.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf, absolute},
};

use rustix::fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde::{Deserialize, Serialize};

/// The name of the file.
const NAME: &str = "spoa-agent";
/// What `/proc` shows of it.
const LINK: &str = "/memfd:spoa-agent (deleted)";
/// Thousands of listeners; no process can make the reader take more.
const LONGEST: u64 = 1 << 20;

/// Where an agent listens.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Presence {
    pub(crate) listeners: Vec<Listening>,
}

/// A listener, and what a client must speak there.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Listening {
    pub(crate) place: Place,
    pub(crate) proxy_protocol: bool,
    pub(crate) tls: bool,
    pub(crate) client_certificate: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An agent that is at work.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    pub(crate) presence: Presence,
}

/// The file of this process; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Shown {
    _file: File,
}

impl Place {
    /// The socket of this path, wherever the reader is started.
    pub(crate) fn unix(path: &Path) -> Self {
        Self::Unix(absolute(path).unwrap_or_else(|_| path.to_owned()))
    }
}

impl Presence {
    /// Shows it until what is returned is dropped, or the process ends.
    pub(crate) fn show(&self) -> io::Result<Shown> {
        let text = serde_json::to_vec(self)?;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(memfd_create(NAME, flags)?);
        // In one write, so that a reader finds nothing or all of it.
        file.write_all(&text)?;
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK)?;
        Ok(Shown { _file: file })
    }
}

/// The agents of this machine, or of this container, that the user may look at, and that can be reached.
pub(crate) fn find() -> Vec<Found> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = processes.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let presence = look(&entry.path())?;
        Some(Found { pid, presence })
    });
    processes.collect()
}

/// What a process shows, if it does, and if it is in the same container.
fn look(process: &Path) -> Option<Presence> {
    let namespace = |of: &Path, kind: &str| fs::read_link(of.join("ns").join(kind)).ok();
    let own = Path::new("/proc/self");
    if namespace(process, "pid")? != namespace(own, "pid")? {
        return None;
    }
    let files = fs::read_dir(process.join("fd")).ok()?.flatten().map(|entry| entry.path());
    let mut files = files.filter(|file| fs::read_link(file).is_ok_and(|to| to == Path::new(LINK)));
    let mut presence: Presence = files.find_map(|file| read(&file))?;
    // The loopback of another network is not this one.
    let is_near = namespace(process, "net")? == namespace(own, "net")?;
    presence.listeners.retain(|listening| is_near || matches!(listening.place, Place::Unix(_)));
    (!presence.listeners.is_empty()).then_some(presence)
}

/// Reads the file of a process, which may be hostile: it waits for nothing, and takes no more than is sane.
fn read(path: &Path) -> Option<Presence> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn listening(place: Place) -> Listening {
        Listening { place, proxy_protocol: true, tls: false, client_certificate: false }
    }

    #[test]
    fn what_is_shown_is_found_beside_other_files_of_the_same_name_until_it_is_dropped() {
        let file = |text: &[u8]| {
            let mut file = File::from(memfd_create(NAME, MemfdFlags::CLOEXEC).unwrap());
            file.write_all(text).unwrap();
            file
        };
        let endless = file(b"");
        endless.set_len(1 << 40).unwrap();
        let _others = [endless, file(b""), file(b"{\"listeners\":"), file(b"\xff")];
        let own = Path::new("/proc/self");
        assert!(look(own).is_none());

        let address = (Ipv4Addr::LOCALHOST, 7).into();
        let listeners = [Place::Tcp(address), Place::unix(Path::new("a"))].map(listening);
        let shown = Presence { listeners: listeners.into() }.show().unwrap();
        let found = look(own).unwrap().listeners;
        assert!(found.iter().all(|listening| listening.proxy_protocol && !listening.tls));
        assert!(matches!(found[0].place, Place::Tcp(found) if found == address), "{found:?}");
        assert!(matches!(&found[1].place, Place::Unix(path) if path.is_absolute()), "{found:?}");

        drop(shown);
        assert!(look(own).is_none());
    }
}
