//! Rotated file: begun anew when it is large, and opened again when somebody has renamed or removed it.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::sink::Sink;

/// When a file begins anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// How large it becomes, in bytes.
    pub size: u64,
    /// How many older files are kept beside it: `NAME.1` is the latest.
    pub files: u32,
}

/// A file that lines are appended to. Those who are neither its owner nor in its group cannot read it.
#[derive(Debug)]
pub struct RotatedFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Its device and its number: a file of the same name may be another one.
    identity: (u64, u64),
    length: u64,
}

impl RotatedFile {
    /// A file that is opened, and made if it is not there, with the first line: so that whoever only checks a
    /// configuration does not own it.
    ///
    /// # Errors
    ///
    /// If it could not be written to, or is no file.
    pub fn new(path: impl Into<PathBuf>, rotation: Option<Rotation>) -> io::Result<Self> {
        let path = path.into();
        check(&path)?;
        Ok(Self { path, rotation, open: None })
    }

    /// The file of this name: opened again if it is another one by now.
    fn current(&mut self) -> io::Result<&mut Open> {
        let now = fs::metadata(&self.path).map(|data| (data.dev(), data.ino())).ok();
        let open = self.open.take().filter(|open| now == Some(open.identity));
        let open = match open {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        Ok(self.open.insert(open))
    }

    fn rotate(&mut self, files: u32) -> io::Result<()> {
        self.open = None;
        for number in (1..files).rev() {
            match fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if files == 0 {
            return fs::remove_file(&self.path);
        }
        fs::rename(&self.path, numbered(&self.path, 1))
    }
}

impl Sink for RotatedFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn write(&mut self, lines: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < lines.len() {
            let rotation = self.rotation;
            let open = self.current()?;
            let room =
                rotation.map_or(u64::MAX, |rotation| rotation.size.saturating_sub(open.length));
            let rest = &lines[*written..];
            let count = whole_lines(rest, usize::try_from(room).unwrap_or(usize::MAX));
            match (count, rotation) {
                (0, Some(rotation)) if open.length > 0 => self.rotate(rotation.files)?,
                // A line that is longer than any file has one for itself.
                (0, _) => *written += open.append(&rest[..first_line(rest)])?,
                _ => *written += open.append(&rest[..count])?,
            }
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        // What is no file could let the one who opens it wait.
        if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
            return Err(not_a_file());
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        let data = file.metadata()?;
        Ok(Self { file, identity: (data.dev(), data.ino()), length: data.len() })
    }

    /// Appends all of it or nothing: of a line that did not fit on the disk, no half stays.
    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        // Others may write to it, or have truncated it.
        let length = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(lines) {
            // If that fails as well, half a line stays.
            let _ = self.file.set_len(length);
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(lines.len())
    }
}

/// How many bytes of whole lines there are in so many bytes.
fn whole_lines(lines: &[u8], room: usize) -> usize {
    let fits = &lines[..lines.len().min(room)];
    fits.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

fn first_line(lines: &[u8]) -> usize {
    lines.iter().position(|&byte| byte == b'\n').map_or(lines.len(), |end| end + 1)
}

/// Whether it can be written to, or made.
fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(data) if !data.is_file() => Err(not_a_file()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
        }
        Err(error) => Err(error),
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "it is no regular file")
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}
