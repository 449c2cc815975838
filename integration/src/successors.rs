//! Agents that get the same socket, one after the other, from a process that keeps it: as from systemd.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::Failure;
use crate::running::Running;

const START_LIMIT: Duration = Duration::from_secs(10);

/// The one that is at work ends with the value: it is killed and reaped. When a test panics, the drop
/// prints what it logged.
#[derive(Debug)]
pub struct Successors {
    program: PathBuf,
    running: Running,
    socket: OwnedFd,
}

impl Successors {
    /// Starts a program with a listening socket as its stdin, and returns when it serves: the program is
    /// called with `-`, and prints a line when it serves.
    ///
    /// # Errors
    /// It cannot be started, or ended instead; with its words.
    pub async fn start(
        program: impl Into<PathBuf>,
        socket: impl Into<OwnedFd>,
    ) -> Result<Self, Failure> {
        let (program, socket) = (program.into(), socket.into());
        let running = Running::start_on(command(&program), stdin(&socket)?)?;
        let mut successors = Self { program, running, socket };
        successors.serves().await?;
        Ok(successors)
    }

    /// Ends the one that is at work in good order (SIGTERM), and only then starts the next one.
    ///
    /// # Errors
    /// It does not end in time, or as [`start`](Self::start).
    pub async fn next(&mut self, limit: Duration) -> Result<(), Failure> {
        self.end(limit).await?;
        self.running.start_again_on(command(&self.program), stdin(&self.socket)?)?;
        self.serves().await
    }

    /// Ends the one that is at work in good order (SIGTERM).
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn end(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.running.signal(Signal::TERM)?;
        self.running.ended(limit).await
    }

    async fn serves(&mut self) -> Result<(), Failure> {
        self.running.serves(START_LIMIT, async |agent| agent.stdout().ends_with('\n')).await
    }
}

fn command(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    command.arg("-");
    command
}

fn stdin(socket: &OwnedFd) -> Result<Stdio, Failure> {
    socket.try_clone().map(Stdio::from).map_err(Failure::during("cannot hand over the socket"))
}
