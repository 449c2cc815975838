//! An agent as a process of its own: started, signalled, watched, and started again.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::{Endpoint, Failure, Process, Scratch, free_port, until};

const START_LIMIT: Duration = Duration::from_secs(10);

/// Ends with the value: the process is killed and reaped. When a test panics, the drop prints what
/// it logged.
#[derive(Debug)]
pub struct AgentProcess {
    address: SocketAddr,
    child: Child,
    program: PathBuf,
    scratch: Scratch,
}

impl AgentProcess {
    /// Starts a program on a free port of loopback, and returns when it serves: the program is
    /// called with the address, and prints a line when it serves.
    ///
    /// # Errors
    /// It cannot be started, or ended instead; with its words.
    pub async fn start(program: impl Into<PathBuf>) -> Result<Self, Failure> {
        let program = program.into();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let scratch = Scratch::new()?;
        let child = spawn(&program, address, &scratch)?;
        let mut agent = Self { address, child, program, scratch };
        agent.serves().await?;
        Ok(agent)
    }

    /// Starts the program again, on the same address, when it has [`ended`](Self::ended).
    ///
    /// # Errors
    /// It has not ended, or as [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), Failure> {
        if let Ok(None) = self.child.try_wait() {
            return Err(Failure::new("the agent has not ended"));
        }
        self.child = spawn(&self.program, self.address, &self.scratch)?;
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
        Process::new(self.child.id())
    }

    /// Asks it to stop in good order (SIGTERM).
    ///
    /// # Errors
    /// It has been reaped already.
    pub fn terminate(&self) -> Result<(), Failure> {
        self.signal(Signal::TERM)
    }

    /// Ends it as a fault would (SIGKILL): the kernel closes its connections.
    ///
    /// # Errors
    /// It has been reaped already.
    pub fn kill(&self) -> Result<(), Failure> {
        self.signal(Signal::KILL)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It still runs after `limit`; with its log.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        let child = &mut self.child;
        let ended = until("the agent ends", limit, async || child.try_wait().ok().flatten()).await;
        ended.map_err(|failure| failure.with("its log", &self.log()))
    }

    /// What it has logged since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.join("stderr")).unwrap_or_default()
    }

    /// A number of its log, such as `acks` of `acks=7`; the last one.
    #[must_use]
    pub fn logged(&self, name: &str) -> Option<u64> {
        let log = self.log();
        let (_, rest) = log.rsplit_once(&format!(" {name}="))?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    async fn serves(&mut self) -> Result<(), Failure> {
        let (path, child) = (self.scratch.join("stdout"), &mut self.child);
        let served = until("the agent serves", START_LIMIT, async || {
            let said = std::fs::read_to_string(&path).unwrap_or_default();
            match child.try_wait() {
                Ok(Some(status)) => Some(Err(Failure::new(format!("it did not start: {status}")))),
                _ => said.ends_with('\n').then_some(Ok(())),
            }
        });
        let served = served.await.flatten();
        served.map_err(|failure| failure.with("its log", &self.log()))
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        kill_process(self.process().pid()?, signal)
            .map_err(Failure::during("cannot signal the agent"))
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of the agent on {} ---\n{}", self.address, self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<&AgentProcess> for Endpoint {
    fn from(agent: &AgentProcess) -> Self {
        agent.address.into()
    }
}

fn spawn(program: &Path, address: SocketAddr, scratch: &Scratch) -> Result<Child, Failure> {
    let file = |name: &str| {
        let path = scratch.join(name);
        File::create(&path).map_err(Failure::during(format!("cannot create {}", path.display())))
    };
    Command::new(program)
        .arg(address.to_string())
        .stdin(Stdio::null())
        .stdout(file("stdout")?)
        .stderr(file("stderr")?)
        .spawn()
        .map_err(Failure::during(format!("cannot run {}", program.display())))
}
