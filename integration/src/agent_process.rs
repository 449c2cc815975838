//! An agent as a process of its own: started, signalled, watched, and started again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;

use crate::built::built;
use crate::running::Running;
use crate::{Endpoint, Failure, Process, free_port};

const START_LIMIT: Duration = Duration::from_secs(10);

/// Ends with the value: the process is killed and reaped. When a test panics, the drop prints what
/// it logged.
#[derive(Debug)]
pub struct AgentProcess {
    address: SocketAddr,
    program: PathBuf,
    running: Running,
}

impl AgentProcess {
    /// Starts a program on a free port of loopback, and returns when it serves: the program is
    /// called with the address, and prints a line when it serves.
    ///
    /// # Errors
    /// It cannot be started, or ended instead; with its words.
    pub async fn start(program: impl Into<PathBuf>) -> Result<Self, Failure> {
        Self::start_with(program.into(), |command| command).await
    }

    /// The same, with one argument more.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with_argument(
        program: impl Into<PathBuf>,
        argument: &str,
    ) -> Result<Self, Failure> {
        Self::start_with(program.into(), |command| command.arg(argument)).await
    }

    /// Starts an example of this workspace: with one argument more, and a variable of the environment.
    ///
    /// # Errors
    /// It does not build, or as [`start`](Self::start).
    pub async fn of_examples(
        name: &str,
        argument: &str,
        (variable, value): (&str, &str),
    ) -> Result<Self, Failure> {
        let program = built("spoa-examples", name).await?;
        Self::start_with(program, |command| command.arg(argument).env(variable, value)).await
    }

    async fn start_with(
        program: PathBuf,
        finish: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = command(&program, address);
        finish(&mut command);
        let running = Running::start(command)?;
        let mut agent = Self { address, program, running };
        agent.serves().await?;
        Ok(agent)
    }

    /// Starts the program again, on the same address, when it has [`ended`](Self::ended).
    ///
    /// # Errors
    /// It has not ended, or as [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), Failure> {
        self.running.start_again(command(&self.program, self.address))?;
        self.serves().await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process, for what it holds.
    #[must_use]
    pub fn process(&self) -> Process {
        self.running.process()
    }

    /// Asks it to stop in good order (SIGTERM).
    ///
    /// # Errors
    /// It has been reaped already.
    pub fn terminate(&self) -> Result<(), Failure> {
        self.running.signal(Signal::TERM)
    }

    /// Ends it as a fault would (SIGKILL): the kernel closes its connections.
    ///
    /// # Errors
    /// It has been reaped already.
    pub fn kill(&self) -> Result<(), Failure> {
        self.running.signal(Signal::KILL)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It still runs after `limit`; with its log.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.running.ended(limit).await
    }

    /// What it has logged since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// A number of its log, such as `acks` of `acks=7`; the last one.
    #[must_use]
    pub fn logged(&self, name: &str) -> Option<u64> {
        let log = self.log();
        let (_, rest) = log.rsplit_once(&format!(" {name}="))?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    async fn serves(&mut self) -> Result<(), Failure> {
        self.running.serves(START_LIMIT, async |agent| agent.stdout().ends_with('\n')).await
    }
}

impl From<&AgentProcess> for Endpoint {
    fn from(agent: &AgentProcess) -> Self {
        agent.address.into()
    }
}

fn command(program: &PathBuf, address: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command.arg(address.to_string());
    command
}
