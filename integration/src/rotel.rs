//! A receiver of OTLP that others have written: what it has received, it prints.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::running::Running;
use crate::span::{Span, spans};
use crate::witness::Witness;
use crate::{Failure, free_port, until};

const START_LIMIT: Duration = Duration::from_secs(20);

/// A collector of spans and metrics; it ends with the value.
#[derive(Debug)]
pub struct Rotel {
    grpc: SocketAddr,
    http: SocketAddr,
    running: Running,
}

impl Rotel {
    /// Starts it on two free ports of loopback, and returns when it receives.
    ///
    /// # Errors
    /// It cannot be fetched, or does not start; with its words.
    pub async fn start() -> Result<Self, Failure> {
        let [grpc, http] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut running = Running::start(command(grpc, http).await?)?;
        let listens = async |_: &Running| {
            let connected = [TcpStream::connect(grpc).await, TcpStream::connect(http).await];
            connected.iter().all(Result::is_ok)
        };
        running.serves(START_LIMIT, listens).await?;
        Ok(Self { grpc, http, running })
    }

    /// Where it receives OTLP over gRPC, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Where it receives OTLP over HTTP, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Keeps its ports open and answers nobody any more (SIGSTOP), as a collector that hangs.
    ///
    /// # Errors
    /// It has ended.
    pub fn hang(&self) -> Result<(), Failure> {
        self.running.signal(Signal::STOP)
    }

    /// The spans that it has received until now.
    #[must_use]
    pub fn received(&self) -> Vec<Span> {
        spans(&self.running.stdout())
    }

    /// All that it has printed: spans, and metrics if any were pushed.
    #[must_use]
    pub fn printed(&self) -> String {
        self.running.stdout()
    }

    /// Waits until it has received spans as wanted, and prints no more; gives all of them.
    ///
    /// # Errors
    /// They did not come within `limit`; with the last lines that it printed.
    pub async fn spans(
        &self,
        limit: Duration,
        wanted: impl Fn(&[Span]) -> bool,
    ) -> Result<Vec<Span>, Failure> {
        let mut seen = String::new();
        let found = until("the spans are received", limit, async || {
            let printed = self.printed();
            let is_quiet = printed == seen;
            seen = printed;
            let spans = is_quiet.then(|| spans(&seen))?;
            wanted(&spans).then_some(spans)
        });
        found.await.map_err(|failure| self.running.explain(failure))
    }
}

async fn command(grpc: SocketAddr, http: SocketAddr) -> Result<Command, Failure> {
    let mut command = Command::new(Witness::Rotel.program("rotel").await?);
    command.args(["start", "--exporter", "blackhole", "--log-format", "text"]);
    command.args(["--otlp-grpc-endpoint", &grpc.to_string()]);
    command.args(["--otlp-http-endpoint", &http.to_string()]);
    command.args(["--debug-log", "traces", "--debug-log", "metrics"]);
    command.args(["--debug-log-verbosity", "detailed"]);
    Ok(command)
}
