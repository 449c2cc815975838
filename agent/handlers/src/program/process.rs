//! One process of a program: its start, its questions, its end.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use serde_json::Value;
use spoa_actors::ForeignText;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, ChildStdout},
    task::JoinHandle,
    time::timeout,
};

use super::{
    command::{ProgramCommand, User},
    counts::count,
    error::{AskError, StartError},
    lines::{Line, Lines},
    question::{Answer, Question, hello},
    stderr,
};

/// The longest line that a program may write.
const LONGEST: usize = 64 << 10;
/// How many lines that are no JSON a process may write before an answer.
const BAD_LINES: u32 = 100;
/// How long a killed process is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A process that is ready for a question. It is killed when this is dropped, with all that it has forked.
pub(super) struct Process {
    child: Child,
    /// Takes what it writes to stderr.
    log: JoinHandle<()>,
    pid: Pid,
    /// Whether its group was killed: afterwards, their number may be somebody else's.
    is_killed: bool,
    stdin: ChildStdin,
    stdout: Lines<ChildStdout>,
    last_id: u64,
    bad_in_row: u32,
}

impl Process {
    /// Starts a process, and waits until it is ready.
    pub(super) async fn start(
        command: &ProgramCommand,
        user: Option<User>,
        bad_lines: &AtomicU64,
    ) -> Result<Self, StartError> {
        let run = |cause| StartError::Run { file: command.file.clone(), cause };
        let child = command.spawn(user).map_err(run)?;
        let mut process = Self::of(child, &command.handler).map_err(run)?;
        if let Some(bytes) = command.memory {
            let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
            let set = prlimit(Some(process.pid), Resource::As, limit);
            set.map_err(|error| StartError::Memory(error.into()))?;
        }
        let hello = hello(&command.handler, &command.settings);
        let limit = command.start_timeout;
        let ready = timeout(limit, process.greet(&hello, bad_lines)).await;
        if let Err(error) = ready.unwrap_or(Err(StartError::Late(limit))) {
            process.end().await;
            return Err(error);
        }
        Ok(process)
    }

    fn of(mut child: Child, handler: &str) -> io::Result<Self> {
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(pid), (Some(stdin), Some(stdout), Some(stderr))) = (pid, pipes) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let number = pid.as_raw_nonzero().get().cast_unsigned();
        let log = tokio::spawn(stderr::log(Arc::from(handler), number, stderr));
        let stdout = Lines::new(stdout, LONGEST);
        Ok(Self { child, log, pid, is_killed: false, stdin, stdout, last_id: 0, bad_in_row: 0 })
    }

    async fn greet(&mut self, hello: &[u8], bad_lines: &AtomicU64) -> Result<(), StartError> {
        // A process that ends at once may have said why.
        let _ = self.stdin.write_all(hello).await;
        let answer = self.read(bad_lines).await;
        let answer = answer.map_err(|error| match error {
            AskError::BadAnswer => StartError::NotReady("no JSON".to_owned()),
            _ => StartError::Ended,
        })?;
        if answer.get("ready") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        let line = Value::Object(answer).to_string();
        Err(StartError::NotReady(ForeignText::new(&line).to_string()))
    }

    /// Asks one question. After an error, the process is of no more use.
    pub(super) async fn ask(
        &mut self,
        question: &Question,
        time: Duration,
        bad_lines: &AtomicU64,
    ) -> Result<Answer, AskError> {
        self.last_id += 1;
        let line = question.line(self.last_id);
        let exchange = async {
            self.stdin.write_all(&line).await.map_err(|_| AskError::Exited)?;
            self.read(bad_lines).await
        };
        let answer = timeout(time, exchange).await;
        let mut answer = answer.unwrap_or(Err(AskError::Timeout))?;
        match answer.remove("id") {
            Some(Value::Number(id)) if id.as_u64() == Some(self.last_id) => Ok(answer),
            _ => Err(AskError::BadAnswer),
        }
    }

    /// Waits for what makes an idle process useless: its end, or an answer that nobody has asked for.
    pub(super) async fn spoiled(&mut self, bad_lines: &AtomicU64) -> AskError {
        self.read(bad_lines).await.err().unwrap_or(AskError::BadAnswer)
    }

    /// The next object of JSON that it writes. Lines that are no JSON are counted: a `print` left from a search for
    /// a mistake costs no answer.
    async fn read(&mut self, bad_lines: &AtomicU64) -> Result<Answer, AskError> {
        loop {
            let line = tokio::select! {
                biased;
                line = self.stdout.next() => line,
                // Whoever it has forked may hold its pipes.
                _ = self.child.wait() => {
                    self.kill();
                    return Err(AskError::Exited);
                }
            };
            match line {
                Ok(Some(Line::Whole(line))) => {
                    if let Ok(answer) = serde_json::from_slice(&line) {
                        self.bad_in_row = 0;
                        return Ok(answer);
                    }
                }
                Ok(Some(Line::Cut(_))) => self.bad_in_row = BAD_LINES,
                Ok(None) | Err(_) => return Err(AskError::Exited),
            }
            count(bad_lines);
            self.bad_in_row += 1;
            if self.bad_in_row > BAD_LINES {
                return Err(AskError::BadAnswer);
            }
        }
    }

    /// Kills the process and all that it has forked, and waits for its end.
    pub(super) async fn end(mut self) {
        self.kill();
        // One that does not even end then is left to the system.
        let _ = timeout(PATIENCE, self.child.wait()).await;
        // What it has said at last.
        let _ = timeout(PATIENCE, &mut self.log).await;
        self.log.abort();
    }

    fn kill(&mut self) {
        if !self.is_killed {
            let _ = kill_process_group(self.pid, Signal::KILL);
            self.is_killed = true;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
