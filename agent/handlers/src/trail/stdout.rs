//! Standard output: what a container's logs are made of.

use std::{
    io::{self, ErrorKind, Write},
    thread,
    time::Duration,
};

use super::sink::Sink;

/// How long to wait for a pipe that takes nothing now, because a process that shares it made it non-blocking.
const PAUSE: Duration = Duration::from_millis(10);

/// The standard output.
#[derive(Debug)]
pub struct Stdout;

impl Sink for Stdout {
    fn name(&self) -> String {
        "the standard output".to_owned()
    }

    fn write(&mut self, lines: &[u8], written: &mut usize) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        while *written < lines.len() {
            match stdout.write(&lines[*written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => *written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
        stdout.flush()
    }
}
