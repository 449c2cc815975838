//! An example that runs as a child of the test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use spoa_actors::testing::FakeHaproxy;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program; it is ended with the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) port: u16,
}

impl Program {
    /// Starts the program at `path`, to listen on a port that was free a moment ago.
    pub(crate) fn start(path: &str, arguments: &[&str]) -> Self {
        Self::start_with_log(path, arguments, Stdio::null())
    }

    /// The same, with its log.
    pub(crate) fn start_with_log(path: &str, arguments: &[&str], log: impl Into<Stdio>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(path)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, port }
    }

    /// Connects, as soon as it listens, and says nothing yet.
    pub(crate) async fn open(&self) -> FakeHaproxy<TcpStream> {
        let started = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)).await {
                Ok(stream) => return FakeHaproxy::new(stream),
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Connects and says HELLO.
    pub(crate) async fn connect(&self) -> FakeHaproxy<TcpStream> {
        let mut haproxy = self.open().await;
        haproxy.hello(spoa_actors::testing::hello()).await.unwrap();
        haproxy
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
