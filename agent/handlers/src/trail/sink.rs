//! Sink: where the lines of a trail go.

use std::io;

/// Where lines go.
pub trait Sink: Send + 'static {
    /// What it is called in the log.
    fn name(&self) -> String;

    /// Writes whole lines from the front, and adds to `written` how many bytes of them never have to be written
    /// again.
    ///
    /// # Errors
    ///
    /// If it cannot write on. What is behind `written` is offered again later.
    fn write(&mut self, lines: &[u8], written: &mut usize) -> io::Result<()>;
}
