//! Socket file: a UNIX socket that has its mode before anybody can connect, and goes with its owner.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process,
};

use socket2::{Domain, SockAddr, Socket, Type};

const BACKLOG: i32 = 128;

/// The file of a socket that listens; removed with it, unless another is in its place by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens there. The socket gets its mode, then listens, then takes its name: at no moment can others
    /// connect, or take it for a dead one.
    pub(super) fn listen(path: &Path, mode: u32) -> io::Result<(UnixListener, Self)> {
        check_place(path)?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", process::id()));
        let new = PathBuf::from(name);
        if check_place(&new)? {
            // A start that was killed has left it; in a container all have the same number.
            fs::remove_file(&new)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(&new)?)?;
        let named = fs::set_permissions(&new, fs::Permissions::from_mode(mode))
            .and_then(|()| socket.listen(BACKLOG))
            .and_then(|()| fs::symlink_metadata(&new))
            .and_then(|metadata| fs::rename(&new, path).map(|()| metadata));
        match named {
            Ok(metadata) => {
                let identity = (metadata.dev(), metadata.ino());
                Ok((socket.into(), Self { path: path.to_owned(), identity }))
            }
            Err(error) => {
                let _ = fs::remove_file(&new);
                Err(error)
            }
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Nothing may be there but a socket that nobody listens on; whether there is one.
fn check_place(path: &Path) -> io::Result<bool> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(false) };
    if !metadata.file_type().is_socket() {
        let text = "there is a file that is no socket; remove it, or choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        _ => {
            let text = "another process listens on it";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn it_has_its_mode_replaces_a_dead_one_and_removes_only_its_own() {
        let folder = env::temp_dir().join(format!("spoa-admin-{}", process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("s");
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = SocketFile::listen(&path, 0o640).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o640);
        let second = SocketFile::listen(&path, 0o600).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse, "{second}");
        drop(listener);
        let (_listener, newer) = SocketFile::listen(&path, 0o600).unwrap();
        drop(file);
        assert_eq!(mode(), 0o600, "it is another's");
        drop(newer);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        let refused = SocketFile::listen(&path, 0o600).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{refused}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
