//! The agent that is for users, `spoa-agent`, as a process: its options, its announcement, its log.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;

use crate::built::built;
use crate::running::Running;
use crate::version::run;
use crate::witness::Witness;
use crate::{Answer, Endpoint, Failure, HttpClient, Process, free_port};

const START_LIMIT: Duration = Duration::from_secs(20);

/// What to start it with: options of the command line, and variables of the environment.
#[derive(Clone, Debug, Default)]
pub struct SpoaAgentOptions {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    program: Option<PathBuf>,
}

impl SpoaAgentOptions {
    /// Adds options, separated by spaces: `--worker-threads 1`.
    #[must_use]
    pub fn options(mut self, options: &str) -> Self {
        self.arguments.extend(options.split_whitespace().map(str::to_owned));
        self
    }

    /// Starts this program in the place of `spoa-agent`: one with handlers of its own.
    #[must_use]
    pub fn program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..self }
    }

    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it another wall clock, which goes on from there: `1969-12-31 12:00:00` in UTC.
    ///
    /// # Errors
    /// The library that does it cannot be fetched.
    pub async fn wall_clock(self, time: &str) -> Result<Self, Failure> {
        let library = Witness::Faketime.program("libfaketime.so.1").await?;
        let agent = self.variable("LD_PRELOAD", &library.to_string_lossy());
        let agent = agent.variable("FAKETIME", &format!("@{time}")).variable("TZ", "UTC");
        Ok(agent.variable("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
    }

    /// Starts it on a free port of loopback with its admin endpoint on another, and returns when it
    /// serves.
    ///
    /// # Errors
    /// It does not build, cannot be started, or ended instead; with its words.
    pub async fn start(self) -> Result<SpoaAgent, Failure> {
        let program = match self.program {
            Some(program) => program,
            None => built("spoa-agent", "spoa-agent").await?,
        };
        let [address, admin] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut command = Command::new(&program);
        command.args(["--listen", &address.to_string(), "--admin", &admin.to_string()]);
        command.args(&self.arguments).env_remove("RUST_LOG").envs(self.environment);
        let mut running = Running::start(command)?;
        running.serves(START_LIMIT, async |agent| agent.stdout().ends_with('\n')).await?;
        Ok(SpoaAgent { address, admin, http: HttpClient::new(admin)?, program, running })
    }
}

/// Ends with the value: the process is killed and reaped. When a test panics, the drop prints what
/// it logged.
#[derive(Debug)]
pub struct SpoaAgent {
    address: SocketAddr,
    admin: SocketAddr,
    http: HttpClient,
    program: PathBuf,
    running: Running,
}

impl SpoaAgent {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin endpoint listens.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A client of its admin endpoint.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Its metrics as text.
    ///
    /// # Errors
    /// The admin endpoint does not answer with 200.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let Answer { status, body, .. } = self.http.get("/metrics").await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == 200 {
            return Ok(text);
        }
        Err(Failure::new(format!("/metrics is answered by {status}")).with("body", &text))
    }

    /// One number of its metrics, by name and labels: `spoa_acks_total`.
    ///
    /// # Errors
    /// It does not show it.
    pub async fn sample(&self, name: &str) -> Result<f64, Failure> {
        let metrics = self.metrics().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.and_then(|value| value.parse().ok());
        value.ok_or_else(|| Failure::new(format!("no {name}")).with("the metrics", &metrics))
    }

    /// Has `spoa-agent load` ask it; what comes back must be right.
    ///
    /// # Errors
    /// An answer is missing or wrong; with the report.
    pub async fn load(&self, options: &str) -> Result<(), Failure> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["load", "--quiet", "--addr", &self.address.to_string()]);
        run(command.args(options.split_whitespace())).await.map(|_| ())
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

    /// Waits for its end.
    ///
    /// # Errors
    /// It still runs after `limit`; with its log.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.running.ended(limit).await
    }

    /// What it has printed when it began to serve.
    #[must_use]
    pub fn announcement(&self) -> String {
        self.running.stdout()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr()
    }
}

impl From<&SpoaAgent> for Endpoint {
    fn from(agent: &SpoaAgent) -> Self {
        agent.address.into()
    }
}
