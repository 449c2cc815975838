//! Regular file: reads a file only if it is one.

use std::{
    fs::{Metadata, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Reads a regular file of up to `most` bytes. Other files can be endless, or block the reader.
///
/// # Errors
///
/// [`ErrorKind::FileTooLarge`] if it has more, [`ErrorKind::InvalidInput`] if it is not a regular file, or
/// the error of the system.
pub fn read(path: &Path, most: u64) -> io::Result<(Vec<u8>, Metadata)> {
    // Without the flag, opening a FIFO waits for its writer.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("it has more than {} KiB", most >> 10);
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok((bytes, metadata))
}
