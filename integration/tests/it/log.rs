//! What the agents of this process log. They share one log: a test knows its lines by the address
//! that its HAProxy has as their peer (`source 127.0.41.N` on the server line).

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use spoa_integration::until;

use crate::scene::SOON;

static LINES: Mutex<String> = Mutex::new(String::new());

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep the lines; a test calls it first.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Writer).init();
    });
}

/// Waits for a line that has all of these parts.
pub(crate) async fn line(parts: &[&str]) -> String {
    let lines = || LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let wanted = |line: &&str| parts.iter().all(|part| line.contains(part));
    let found = until("a line of the agent's log", SOON, async || {
        lines().lines().find(wanted).map(str::to_owned)
    });
    found.await.unwrap_or_else(|failure| panic!("{failure}: {parts:?}\n{}", lines()))
}
