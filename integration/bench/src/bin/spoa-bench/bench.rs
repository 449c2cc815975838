//! The bench: servers are put on it, under whatever looks at them.

use std::thread::available_parallelism;
use std::time::Duration;

use spoa_integration::{Endpoint, Failure, Scratch, free_port};

use crate::programs::Programs;
use crate::running::Running;
use crate::server::Server;

/// A program under valgrind takes its time.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What all measurements need.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) programs: Programs,
    is_pinned: bool,
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
    /// A bench whose servers and generator have a processor each.
    ///
    /// # Errors
    /// The programs do not build.
    pub(crate) fn pinned() -> Result<Self, Failure> {
        let count = available_parallelism().map_or(1, usize::from);
        if count < 2 {
            let sentence = "one processor: server and generator would take turns; give it two";
            return Err(Failure::new(sentence));
        }
        Ok(Self { programs: Programs::build()?, is_pinned: true })
    }

    /// A bench whose programs run anywhere: what it counts does not depend on the clock.
    ///
    /// # Errors
    /// The programs do not build.
    pub(crate) fn unpinned() -> Result<Self, Failure> {
        Ok(Self { programs: Programs::build()?, is_pinned: false })
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

    /// Where servers run: the second processor.
    pub(crate) fn server_pin(&self) -> Vec<String> {
        self.pin("1")
    }

    /// Where the load tool runs: the first processor.
    pub(crate) fn generator_pin(&self) -> Vec<String> {
        self.pin("0")
    }

    fn pin(&self, processor: &str) -> Vec<String> {
        let words = ["taskset", "-c", processor].map(str::to_owned);
        if self.is_pinned { words.into() } else { Vec::new() }
    }
}
