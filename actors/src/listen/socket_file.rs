//! Socket file: the path of a UNIX socket, and its owner.

use std::{
    ffi::OsStr,
    fs::{self, Metadata},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Type};

/// The longest path of a UNIX socket on Linux, in bytes.
const LONGEST: usize = 107;
/// The length of a socket's temporary name, before it listens.
const DRAFT: usize = ".01234567".len();

/// The file of a UNIX socket. Dropping this removes the file, if it is still the same one.
///
/// Another process may have replaced it. Device and inode identify a file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device and inode.
type Identity = (u64, u64);

/// Listens on a UNIX socket; replaces the file of a dead process.
///
/// The file gets its name only when the socket listens, and with its permission bits: no process
/// finds it refusing connections, and takes it for a stale one.
///
/// # Errors
///
/// If another process listens on it, the path is not a socket, or the system refuses it.
pub fn listen(
    path: &Path,
    mode: Option<u32>,
    backlog: i32,
) -> io::Result<(SocketFile, UnixListener)> {
    let name = path.file_name().map_or(0, OsStr::len);
    check_length(path, LONGEST - DRAFT.saturating_sub(name))?;
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let draft = beside(path);
    socket.bind(&SockAddr::unix(&draft)?)?;
    let draft = SocketFile::of(draft)?;
    if let Some(mode) = mode {
        fs::set_permissions(&draft.path, fs::Permissions::from_mode(mode))?;
    }
    socket.listen(backlog)?;
    remove_stale(path)?;
    // Not a rename: that would replace a file that another process has created meanwhile.
    fs::hard_link(&draft.path, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => in_use(),
        _ => error,
    })?;
    let file = SocketFile { path: path.to_owned(), identity: draft.identity };
    Ok((file, socket.into()))
}

/// Checks whether a UNIX socket can have this path.
///
/// # Errors
///
/// If it is too long. The error has the limit.
pub fn check_path(path: &Path) -> io::Result<()> {
    check_length(path, LONGEST)
}

fn check_length(path: &Path, most: usize) -> io::Result<()> {
    let length = path.as_os_str().len();
    if length <= most {
        return Ok(());
    }
    let text = format!("the path has {length} bytes, and may have {most}; choose a shorter one");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

impl SocketFile {
    /// An existing file.
    fn of(path: PathBuf) -> io::Result<Self> {
        let identity = identity(&fs::symlink_metadata(&path)?);
        Ok(Self { path, identity })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| identity(&found) == self.identity) {
            // If it was removed already, there is nothing to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// An unused name in the folder of `path`.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{:08x}", fastrand::u32(..)))
}

/// Removes a socket file on which no process listens; leaves other files alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        let text = "there is a file that is no socket; remove it, or choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            remove_this(path, identity(&found))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full backlog returns "would block": a process listens.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Err(in_use()),
    }
}

/// Removes exactly this file, and not one that another process has created meanwhile: the file is
/// moved aside, in one step, before it is checked.
fn remove_this(path: &Path, stale: Identity) -> io::Result<()> {
    let aside = beside(path);
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved?,
    }
    let moved = SocketFile::of(aside)?;
    if moved.identity == stale {
        return Ok(());
    }
    fs::hard_link(&moved.path, path)?;
    Err(in_use())
}

fn in_use() -> io::Error {
    let text = "another process listens on it; stop that one, or choose another path";
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::UnixStream,
        sync::{
            Barrier,
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> io::Result<Self> {
            let name = format!("spoa-{}-{:08x}", std::process::id(), fastrand::u32(..));
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder)?;
            Ok(Self(folder))
        }

        fn socket(&self) -> PathBuf {
            self.0.join("agent.sock")
        }

        fn count(&self) -> io::Result<usize> {
            Ok(fs::read_dir(&self.0)?.count())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_path_is_as_long_as_it_says_and_no_longer() -> io::Result<()> {
        let folder = Folder::new()?;
        for name in ["s", "agent.sock"] {
            let deep = |length: usize| {
                let root = folder.0.as_os_str().len();
                // Its name, and a slash on either side of the folder between.
                let between = "d".repeat(length - root - name.len() - 2);
                folder.0.join(between).join(name)
            };
            let most = LONGEST - DRAFT.saturating_sub(name.len());
            let longest = deep(most);
            fs::create_dir(longest.parent().expect("it has one"))?;
            let (_file, _listener) = listen(&longest, None, 1)?;
            UnixStream::connect(&longest)?;
            let error = listen(&deep(most + 1), None, 1).expect_err("it is too long");
            let text = format!("the path has {} bytes, and may have {most}", most + 1);
            assert!(error.to_string().starts_with(&text), "{error}");
        }
        assert_eq!(beside(Path::new("a")).as_os_str().len(), DRAFT);
        Ok(())
    }

    #[test]
    fn the_file_of_another_process_at_the_same_path_stays() -> io::Result<()> {
        let folder = Folder::new()?;
        let path = folder.socket();
        let (file, _listener) = listen(&path, None, 1)?;
        fs::remove_file(&path)?;
        let _other = UnixListener::bind(&path)?;
        drop(file);
        UnixStream::connect(&path)?;
        assert_eq!(folder.count()?, 1);
        Ok(())
    }

    #[test]
    fn a_file_that_came_after_the_look_at_a_dead_one_is_put_back() -> io::Result<()> {
        let folder = Folder::new()?;
        let path = folder.socket();
        let _living = UnixListener::bind(&path)?;
        let error = remove_this(&path, (0, 0)).expect_err("it is another file");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path)?;
        assert_eq!(folder.count()?, 1);
        Ok(())
    }

    #[test]
    fn nobody_finds_the_file_of_a_socket_that_is_opened_refusing() -> io::Result<()> {
        let folder = Folder::new()?;
        let path = folder.socket();
        let (is_opening, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let refused = scope.spawn(|| {
                let mut refused = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let was_opening = is_opening.load(Ordering::SeqCst);
                    let error = UnixStream::connect(&path).err();
                    let is_refused =
                        error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                    let is_opening = is_opening.load(Ordering::SeqCst);
                    refused += usize::from(was_opening && is_refused && is_opening);
                }
                refused
            });
            for _ in 0..500 {
                is_opening.store(true, Ordering::SeqCst);
                let opened = listen(&path, Some(0o600), 128);
                is_opening.store(false, Ordering::SeqCst);
                opened?;
            }
            is_over.store(true, Ordering::SeqCst);
            assert_eq!(refused.join().expect("it does not panic"), 0);
            Ok(())
        })
    }

    #[test]
    fn of_agents_that_start_at_once_over_a_dead_file_one_listens_and_others_are_told()
    -> io::Result<()> {
        let folder = Folder::new()?;
        let path = folder.socket();
        for _ in 0..50 {
            drop(UnixListener::bind(&path)?);
            let (sender, opened) = mpsc::channel();
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for sender in vec![sender; 4] {
                    let (path, start) = (&path, &start);
                    scope.spawn(move || {
                        start.wait();
                        sender.send(listen(path, None, 16))
                    });
                }
            });
            let (listening, others): (Vec<_>, Vec<_>) = opened.iter().partition(Result::is_ok);
            assert_eq!(listening.len(), 1, "{others:?}");
            for error in others.into_iter().filter_map(Result::err) {
                assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
            }
            UnixStream::connect(&path)?;
            drop(listening);
            assert_eq!(folder.count()?, 0);
        }
        Ok(())
    }
}
