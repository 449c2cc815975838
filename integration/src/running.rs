//! A program that runs as a child: its output kept in files, signalled, waited for, ended.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::{Failure, Process, Scratch, until};

/// Ends with the value: the process is killed and reaped. When a test panics, the drop prints what
/// it logged.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
    scratch: Scratch,
}

impl Running {
    /// Starts a program in a directory of its own.
    pub(crate) fn start(command: Command) -> Result<Self, Failure> {
        Self::start_in(Scratch::new()?, command)
    }

    /// Starts a program with this stdin in a directory of its own.
    pub(crate) fn start_on(command: Command, stdin: Stdio) -> Result<Self, Failure> {
        Self::start_in_on(Scratch::new()?, command, stdin)
    }

    /// Starts a program whose files are here; stdout and stderr are added to them.
    pub(crate) fn start_in(scratch: Scratch, command: Command) -> Result<Self, Failure> {
        Self::start_in_on(scratch, command, Stdio::null())
    }

    fn start_in_on(scratch: Scratch, mut command: Command, stdin: Stdio) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        let name = program.rsplit('/').next().unwrap_or_default().to_owned();
        let child = spawn(&scratch, command.stdin(stdin))?;
        Ok(Self { child, name, scratch })
    }

    /// Starts a program in the place of one that has ended; its output replaces the other's.
    pub(crate) fn start_again(&mut self, command: Command) -> Result<(), Failure> {
        self.start_again_on(command, Stdio::null())
    }

    /// The same with this stdin.
    pub(crate) fn start_again_on(
        &mut self,
        mut command: Command,
        stdin: Stdio,
    ) -> Result<(), Failure> {
        if let Ok(None) = self.child.try_wait() {
            return Err(Failure::new(format!("{} has not ended", self.name)));
        }
        self.child = spawn(&self.scratch, command.stdin(stdin))?;
        Ok(())
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.scratch.join("stdout")).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.scratch.join("stderr")).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        kill_process(self.process().pid()?, signal)
            .map_err(Failure::during(format!("cannot signal {}", self.name)))
    }

    /// Waits until the program says by `probe` that it serves.
    pub(crate) async fn serves(
        &mut self,
        limit: Duration,
        mut probe: impl AsyncFnMut(&Self) -> bool,
    ) -> Result<(), Failure> {
        let what = format!("{} serves", self.name);
        let served = until(&what, limit, async || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(Failure::new(format!("it did not start: {status}")))),
            _ => probe(self).await.then_some(Ok(())),
        });
        let served = served.await.flatten();
        served.map_err(|failure| self.explain(failure))
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        let what = format!("{} ends", self.name);
        let child = &mut self.child;
        let ended = until(&what, limit, async || child.try_wait().ok().flatten()).await;
        ended.map_err(|failure| self.explain(failure))
    }

    /// Adds what it has said.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        let last = |text: &str| {
            let lines: Vec<_> = text.lines().collect();
            lines[lines.len().saturating_sub(100)..].join("\n")
        };
        failure
            .with(&format!("stdout of {}", self.name), &last(&self.stdout()))
            .with(&format!("stderr of {}", self.name), &last(&self.stderr()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.explain(Failure::new(format!("{} in this test", self.name))));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(scratch: &Scratch, command: &mut Command) -> Result<Child, Failure> {
    let file = |name: &str| {
        let path = scratch.join(name);
        File::create(&path).map_err(Failure::during(format!("cannot create {}", path.display())))
    };
    command.stdout(file("stdout")?).stderr(file("stderr")?);
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(Failure::during(format!("cannot run {program}")))
}
