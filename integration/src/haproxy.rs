//! A running HAProxy.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::net::TcpStream;

use crate::{Config, Failure, HttpClient, Logs, Scratch, Stats, Version, until};

const START_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Ends with the value: the process is killed and reaped. When a test panics, the drop prints the
/// configuration, stderr and the last log lines.
#[derive(Debug)]
pub struct Haproxy {
    child: Child,
    config: Config,
    http: HttpClient,
    logs: Logs,
    scratch: Scratch,
    stats: Stats,
}

impl Config {
    /// Starts HAProxy and returns when it serves.
    ///
    /// # Errors
    /// No binary, or HAProxy refused the configuration; with its words.
    pub async fn start(self) -> Result<Haproxy, Failure> {
        Haproxy::start(self).await
    }
}

impl Haproxy {
    async fn start(config: Config) -> Result<Self, Failure> {
        let binary = config.version().binary().await?;
        let scratch = Scratch::new()?;
        let logs = Logs::listen().await?;
        config.write(&scratch, logs.address())?;
        let child = spawn(&binary, &config, &scratch)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port()));
        let mut haproxy = Self {
            child,
            http: HttpClient::new(address)?,
            stats: Stats::new(scratch.join("stats")),
            config,
            logs,
            scratch,
        };
        haproxy.serves().await.map_err(|failure| haproxy.explain(failure))?;
        Ok(haproxy)
    }

    /// The runtime socket answers as soon as every listener is bound.
    async fn serves(&mut self) -> Result<(), Failure> {
        let stats = self.stats.clone();
        let (address, is_untouched) = (self.address(), self.config.is_untouched());
        let child = &mut self.child;
        let exit = until("HAProxy serves", START_LIMIT, async || match child.try_wait() {
            Ok(Some(status)) => Some(Some(status)),
            _ if is_untouched => TcpStream::connect(address).await.ok().map(|_| None),
            _ => stats.pid().await.ok().map(|_| None),
        })
        .await?;
        if let Some(status) = exit {
            return Err(Failure::new(format!("HAProxy did not start: {status}")));
        }
        if self.config.is_master() {
            self.master_listens().await?;
        }
        Ok(())
    }

    /// The master of 2.6 and 3.0 executes itself again after its workers started, and loses a
    /// signal that comes meanwhile; its own socket answers when that is over.
    async fn master_listens(&self) -> Result<(), Failure> {
        let master = Stats::new(self.scratch.join("master"));
        let answers =
            async || master.ask("show proc;quit").await.ok().filter(|a| a.contains("worker"));
        until("the master listens", START_LIMIT, answers).await.map(|_| ())
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.config.version()
    }

    /// The address of the HTTP frontend.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.config.port()))
    }

    /// A client of the HTTP frontend.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// What it has logged.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Its runtime socket.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What it has printed so far: warnings and alerts of the configuration, mostly.
    #[must_use]
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.scratch.join("stderr")).unwrap_or_default()
    }

    /// Lines of stderr that say `[ALERT]` or `[WARNING]`.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let stderr = self.stderr();
        let complains = |line: &&str| line.contains("[ALERT]") || line.contains("[WARNING]");
        stderr.lines().filter(complains).map(str::to_owned).collect()
    }

    /// Has the master load the configuration again, and returns the process id of the old worker
    /// when a new one serves. The old one lives on until its streams have ended.
    ///
    /// # Errors
    /// Not started by [`Config::master`], or no new worker came in time.
    pub async fn reload(&self) -> Result<u32, Failure> {
        if !self.config.is_master() {
            return Err(Failure::new("only an HAProxy of Config::master() can reload"));
        }
        let old = self.stats.pid().await?;
        self.signal(self.child.id(), Signal::USR2)?;
        let changed = async || self.stats.pid().await.ok().filter(|now| *now != old);
        until("a new worker serves", START_LIMIT, changed)
            .await
            .map_err(|failure| self.explain(failure))?;
        self.master_listens().await?;
        Ok(old)
    }

    /// Waits until a process of this HAProxy is gone, for instance the old worker of a reload.
    ///
    /// # Errors
    /// It is still there after `limit`.
    pub async fn gone(&self, pid: u32, limit: Duration) -> Result<(), Failure> {
        let dead = async || process(pid).is_none_or(|pid| test_kill_process(pid).is_err());
        until("the process is gone", limit, async || dead().await.then_some(())).await
    }

    /// Asks it to stop when its streams have ended (SIGUSR1).
    ///
    /// # Errors
    /// The process is gone already.
    pub fn soft_stop(&self) -> Result<(), Failure> {
        self.signal(self.child.id(), Signal::USR1)
    }

    /// Waits for its end after [`soft_stop`](Self::soft_stop).
    ///
    /// # Errors
    /// It still runs after `limit`.
    pub async fn stopped(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        let child = &mut self.child;
        until("HAProxy has stopped", limit, async || child.try_wait().ok().flatten()).await
    }

    /// Has it stand still, as on a machine that is too busy, for as long as the value lives.
    ///
    /// # Errors
    /// The process is gone already.
    pub fn stand_still(&self) -> Result<Standstill<'_>, Failure> {
        self.signal(self.child.id(), Signal::STOP)?;
        Ok(Standstill(self))
    }

    fn signal(&self, pid: u32, signal: Signal) -> Result<(), Failure> {
        let pid = process(pid).ok_or_else(|| Failure::new("not a process id"))?;
        kill_process(pid, signal).map_err(Failure::during("cannot signal HAProxy"))
    }

    fn explain(&self, mut failure: Failure) -> Failure {
        let lines = self.logs.lines();
        let tail = lines.split_at(lines.len().saturating_sub(20)).1.join("\n");
        for name in self.config.files() {
            let text = std::fs::read_to_string(self.scratch.join(&name)).unwrap_or_default();
            failure = failure.with(&name, &text);
        }
        failure.with("stderr", &self.stderr()).with("last log lines", &tail)
    }
}

/// An HAProxy that stands still, until this is dropped.
#[derive(Debug)]
pub struct Standstill<'a>(&'a Haproxy);

impl Drop for Standstill<'_> {
    fn drop(&mut self) {
        let _ = self.0.signal(self.0.child.id(), Signal::CONT);
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.explain(Failure::new(format!("{} in this test", self.version()))));
        }
        // SIGTERM stops at once, and a master takes its workers along.
        let _ = self.signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2)); // a drop cannot await
        }
    }
}

fn spawn(binary: &Path, config: &Config, scratch: &Scratch) -> Result<Child, Failure> {
    let stderr = File::create(scratch.join("stderr"))
        .map_err(Failure::during("cannot create the file for stderr"))?;
    let mut command = Command::new(binary);
    if config.is_master() {
        command.arg("-W").arg("-S").arg(scratch.join("master"));
    }
    command
        .args(["-db", "-f"])
        .arg(scratch.join("haproxy.cfg"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(Failure::during(format!("cannot run {}", binary.display())))
}

fn process(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}
