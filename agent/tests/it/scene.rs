//! The scene of a test: agents, their sockets, and commands that end in time.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, PipeReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// A running agent; dropping it kills it.
pub(crate) struct Agent {
    child: Child,
    /// The line that it printed.
    pub(crate) line: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder of its own; dropping it removes it.
pub(crate) struct Folder(PathBuf);

impl Agent {
    /// Starts `spoa-agent` with these arguments and waits until it serves.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::started(command(args))
    }

    /// Starts it with these variables, on one arbiter and a free port of the loopback; its log is in a
    /// file.
    pub(crate) fn with_variables(args: &[&str], variables: &[(&str, &str)], log: &Path) -> Self {
        let mut command = command(&["--worker-threads", "1", "--listen", "127.0.0.1:0"]);
        let log = fs::File::create(log).expect("the folder is ours");
        command.args(args).envs(variables.iter().copied()).stderr(log);
        Self::started(command)
    }

    /// From now on it may have no more than `soft` open files, and raise that to `hard`.
    pub(crate) fn limit_open_files(&self, soft: u32, hard: u32) {
        let arguments = [format!("--pid={}", self.id()), format!("--nofile={soft}:{hard}")];
        let limited = Command::new("prlimit").args(arguments).status();
        assert!(limited.expect("util-linux is there").success());
    }

    /// Starts it with a log that cannot be written, on a free port of the loopback.
    pub(crate) fn with_a_full_log() -> Self {
        Self::scripted("exec \"$0\" --worker-threads 1 --listen 127.0.0.1:0 2>/dev/full")
    }

    /// Starts it with a log that goes into a pipe, which is full when nobody reads what is returned.
    pub(crate) fn with_a_log_to_read(args: &[&str]) -> (Self, ChildStderr) {
        let mut command = command(args);
        command.stderr(Stdio::piped());
        let mut agent = Self::started(command);
        let log = agent.child.stderr.take().expect("stderr is piped");
        (agent, log)
    }

    /// Starts it with a stdout and a stderr that take nothing.
    pub(crate) fn with_full_pipes(args: &[&str]) -> (Self, [PipeReader; 2]) {
        let full = || {
            let (reader, mut writer) = io::pipe().expect("there is a pipe");
            // As much as a pipe of Linux holds.
            writer.write_all(&[b'.'; 64 << 10]).expect("the pipe is open");
            (reader, writer)
        };
        let ((out, stdout), (err, stderr)) = (full(), full());
        let child = command(args).stdout(stdout).stderr(stderr).spawn().expect("the binary starts");
        (Self { child, line: String::new() }, [out, err])
    }

    /// Starts it behind these `ulimit` commands with its log in a file, on a free port of the loopback.
    pub(crate) fn limited(ulimits: &str, options: &str, log: &Path) -> Self {
        let log = text(log);
        Self::scripted(&format!(
            "{ulimits}; exec \"$0\" --worker-threads 1 --listen 127.0.0.1:0 {options} 2>{log}"
        ))
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn scripted(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_spoa-agent")]).stdout(Stdio::piped());
        Self::started(command)
    }

    /// Starts a command and waits until it serves.
    pub(crate) fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(read.map(|_| line));
        });
        let mut agent = Self { child, line: String::new() };
        match lines.recv_timeout(PATIENCE) {
            Ok(Ok(line)) if !line.is_empty() => agent.line = line,
            other => panic!("no line from the agent: {other:?}"),
        }
        agent
    }

    /// Starts it on a free port of the loopback.
    pub(crate) fn on_tcp() -> Self {
        Self::start(&["--listen", "127.0.0.1:0"])
    }

    /// The first address that it listens on.
    pub(crate) fn address(&self) -> String {
        let rest = self.line.split_once(" listens on ").expect("it listens").1;
        rest.split([',', ' ']).next().unwrap_or_default().to_owned()
    }

    /// The command that it tells to try.
    pub(crate) fn advertised(&self) -> Vec<&str> {
        let command = self.line.split_once("try: ").expect("it tells").1;
        command.split_whitespace().collect()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        self.signals(&[signal]);
    }

    /// Sends signals, one right after the other.
    pub(crate) fn signals(&self, signals: &[&str]) {
        let process = self.child.id();
        let kills = signals.iter().map(|signal| format!("kill -{signal} {process}"));
        let kill = kills.collect::<Vec<_>>().join("; ");
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("sh starts").success(), "{kill}");
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Option<i32> {
        wait(&mut self.child).and_then(|status| status.code())
    }

    /// Sends a signal until it ends: one that comes too soon after the first does not count.
    pub(crate) fn end_at_once_by(mut self, signal: &str) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            self.signal(signal);
            if let Some(status) = wait_for(&mut self.child, Duration::from_millis(250)) {
                return status.code();
            }
        }
        None
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end_by(self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.end()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Not in the target folder: the path of a UNIX socket has 107 bytes at most.
        let path = env::temp_dir().join(format!("spoa-agent-{}-{number}", process::id()));
        fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `spoa-agent` with these arguments to its end.
pub(crate) fn spoa_agent(args: &[&str]) -> Outcome {
    to_the_end(command(args))
}

/// Runs a command to its end.
pub(crate) fn to_the_end(mut command: Command) -> Outcome {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    // It may print more than a pipe holds.
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let Some(status) = wait(&mut child) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} does not end");
    };
    let text = |reader: JoinHandle<Vec<u8>>| {
        String::from_utf8(reader.join().expect("it is read")).expect("it prints UTF-8")
    };
    Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.expect("it is piped").read_to_end(&mut bytes);
        read.map(|_| bytes).expect("the pipe can be read")
    })
}

/// Waits until something is as wanted.
pub(crate) fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it does not come so far");
        thread::sleep(POLL);
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

/// Something that is no agent: takes one connection, waits for a byte, says `words`, and closes if
/// it has words, or waits for the other side to close if it has none.
pub(crate) fn stranger(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0])?;
        if !words.is_empty() {
            stream.write_all(words)?;
            stream.shutdown(Shutdown::Write)?;
        }
        stream.read_to_end(&mut Vec::new()).map(drop)
    });
    address
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    wait_for(child, PATIENCE)
}

fn wait_for(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return Some(status);
        }
        thread::sleep(POLL);
    }
    None
}
