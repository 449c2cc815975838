//! A program that runs, until it is dropped.

use std::ffi::OsStr;
use std::fs::{File, read_to_string};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use spoa_integration::{Endpoint, Failure, Scratch};

const PAUSE: Duration = Duration::from_millis(5);

/// A child process and what it has said, in files.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
    scratch: Scratch,
}

impl Running {
    /// Starts a command: the program and its arguments.
    ///
    /// # Errors
    /// There is no such program.
    pub(crate) fn start<A: AsRef<OsStr>>(words: &[A]) -> Result<Self, Failure> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| Failure::new("an empty command"))?;
        let name = Path::new(program).display().to_string();
        let scratch = Scratch::new()?;
        let file = |name| {
            File::create(scratch.join(name))
                .map_err(Failure::during(format!("cannot write {name}")))
        };
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .spawn()
            .map_err(Failure::during(format!("cannot run {name}{}", advice(&name))))?;
        Ok(Self { child, name, scratch })
    }

    /// Waits until it can be connected to.
    ///
    /// # Errors
    /// It ended, or does not listen within `limit`.
    pub(crate) fn listens(&mut self, endpoint: &Endpoint, limit: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while !is_open(endpoint) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("did not start: {status}")));
            }
            if begun.elapsed() > limit {
                return Err(self.failure(&format!("does not listen within {limit:?}")));
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and returns what it has printed.
    ///
    /// # Errors
    /// It failed, or still runs after `limit`.
    pub(crate) fn output(mut self, limit: Duration) -> Result<String, Failure> {
        let status = self.ended(limit)?;
        if !status.success() {
            return Err(self.failure(&status.to_string()));
        }
        Ok(self.said("stdout"))
    }

    /// Asks it to end (SIGTERM), and waits for that.
    ///
    /// # Errors
    /// It failed, or still runs after `limit`.
    pub(crate) fn terminate(self, limit: Duration) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::new("no process id"))?;
        kill_process(pid, Signal::TERM)
            .map_err(|error| self.failure(&format!("cannot be signalled: {error}")))?;
        self.output(limit).map(|_| ())
    }

    fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Err(error) => return Err(self.failure(&error.to_string())),
                Ok(None) if begun.elapsed() > limit => {
                    return Err(self.failure(&format!("still runs after {limit:?}")));
                }
                Ok(None) => sleep(PAUSE),
            }
        }
    }

    fn failure(&self, what: &str) -> Failure {
        let failure = Failure::new(format!("{}: {what}", self.name));
        failure.with("its stdout", &self.said("stdout")).with("its stderr", &self.said("stderr"))
    }

    /// What it has said so far, on `stdout` or `stderr`.
    pub(crate) fn said(&self, name: &str) -> String {
        read_to_string(self.scratch.join(name)).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is no path is a tool, of a Debian package of its name.
fn advice(program: &str) -> String {
    match program {
        "taskset" => " (apt-get install util-linux)".to_owned(),
        path if path.contains('/') => String::new(),
        tool => format!(" (apt-get install {tool})"),
    }
}

fn is_open(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp(address) => TcpStream::connect(address).is_ok(),
        Endpoint::Unix(path) => UnixStream::connect(path).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn what_it_prints_is_its_output() {
        let running = Running::start(&["sh", "-c", "echo well"]).unwrap();
        assert_eq!(running.output(LIMIT).unwrap(), "well\n");
    }

    #[test]
    fn a_failure_has_its_last_words() {
        let running = Running::start(&["sh", "-c", "echo alas >&2; exit 3"]).unwrap();
        let failure = running.output(LIMIT).unwrap_err().to_string();
        assert!(failure.contains("sh: exit status: 3") && failure.contains("alas"), "{failure}");
    }

    #[test]
    fn a_tool_that_is_missing_is_named_with_its_package() {
        let failure = Running::start(&["no-such-tool"]).unwrap_err().to_string();
        assert!(failure.starts_with("cannot run no-such-tool (apt-get install no-such-tool): "));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let running = Running::start(&["sleep", "600"]).unwrap();
        let process = spoa_integration::Process::new(running.id());
        let failure = running.output(Duration::from_millis(1)).unwrap_err().to_string();
        assert!(failure.contains("still runs after 1ms") && !process.is_there(), "{failure}");
    }
}
