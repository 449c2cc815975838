//! The bench: servers are put on it, under whatever looks at them.

use std::time::Duration;

use spoa_integration::{Endpoint, Failure, Scratch, free_port};

use crate::programs::Programs;
use crate::running::Running;
use crate::server::Server;
use crate::workload::{Length, Report, Workload};

/// A program under valgrind takes its time.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Beyond the time that the load itself takes: connecting, warming up, waiting for the last ACKs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all measurements need.
#[derive(Debug)]
pub(crate) struct Bench {
    programs: Programs,
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) endpoint: Endpoint,
    pub(crate) running: Running,
    /// Where its UNIX socket is.
    _scratch: Scratch,
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setting {
    /// The command in front of the server's: `taskset`, `valgrind`, `strace`.
    pub(crate) under: Vec<String>,
    /// Further options of the server.
    pub(crate) options: Vec<String>,
    /// On a UNIX socket instead of loopback.
    pub(crate) on_unix: bool,
}

impl Bench {
    /// Builds the programs: the load tool and these servers.
    ///
    /// # Errors
    /// They do not build.
    pub(crate) fn new(servers: &[Server]) -> Result<Self, Failure> {
        Ok(Self { programs: Programs::build(servers)? })
    }

    /// Starts a server, and returns when it listens.
    ///
    /// # Errors
    /// It does not start; with its words.
    pub(crate) fn place(&self, server: Server, setting: &Setting) -> Result<Placed, Failure> {
        let scratch = Scratch::new()?;
        let mut words = setting.under.clone();
        words.push(self.programs.of(server)?.display().to_string());
        words.extend(server.options().iter().map(|word| (*word).to_owned()));
        words.extend(setting.options.iter().cloned());
        let endpoint = if setting.on_unix {
            let path = scratch.join("socket");
            words.extend(["--unix".to_owned(), path.display().to_string()]);
            Endpoint::Unix(path)
        } else {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
            words.extend(["--listen".to_owned(), address.to_string()]);
            Endpoint::Tcp(address)
        };
        let mut running = Running::start(&words)?;
        running.listens(&endpoint, START_LIMIT)?;
        Ok(Placed { endpoint, running, _scratch: scratch })
    }

    /// Drives a server, with the load tool under another command.
    ///
    /// # Errors
    /// Any error that the load tool counts, so that no number stands for a run with errors.
    pub(crate) fn drive(
        &self,
        workload: &Workload,
        placed: &Placed,
        length: Length,
        under: &[String],
    ) -> Result<Report, Failure> {
        let mut words = under.to_vec();
        words.extend([self.programs.load()?.display().to_string(), "load".to_owned()]);
        words.extend(workload.options(&placed.endpoint, placed.running.id(), length));
        let limit = match length {
            Length::Time(time) => time + PATIENCE,
            Length::Frames(_) => 10 * PATIENCE,
        };
        let output = Running::start(&words)?.output(limit)?;
        serde_json::from_str(&output).map_err(|error| {
            Failure::new(format!("the load tool's report: {error}")).with("it", &output)
        })
    }

    /// The command that keeps another one on a processor.
    pub(crate) fn pin(processor: &str) -> Vec<String> {
        ["taskset", "-c", processor].map(str::to_owned).into()
    }
}
