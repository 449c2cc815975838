//! A directory for the files and sockets of one test, gone when dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Failure;

static MADE: AtomicU32 = AtomicU32::new(0);

/// A short path, because a UNIX socket's is limited to 107 bytes.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes a new, empty directory.
    ///
    /// # Errors
    /// The temporary directory of the system cannot be written.
    pub fn new() -> Result<Self, Failure> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("spoa-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // of an earlier process with the same id
        std::fs::create_dir_all(&path)
            .map_err(Failure::during(format!("cannot make {}", path.display())))?;
        Ok(Self(path))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file or socket in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file into it.
    ///
    /// # Errors
    /// The disk is full.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.join(name);
        std::fs::write(&path, text)
            .map_err(Failure::during(format!("cannot write {}", path.display())))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
