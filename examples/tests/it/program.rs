//! An example that runs as a child of the test.

use std::{
    fs::File,
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use spoa_actors::testing::FakeHaproxy;
use spoa_integration::free_port;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program; it is ended with the test.
pub(crate) struct Program(Child);

impl Program {
    /// Starts a program that says nothing.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Starts a program that says what it has to say into a file.
    pub(crate) fn start_with_log(command: &mut Command, log: File) -> Self {
        Self::start_with_output(command, log.try_clone().unwrap(), log)
    }

    /// Starts a program that prints into a file, and has its log in another one.
    pub(crate) fn start_with_output(command: &mut Command, out: File, log: File) -> Self {
        Self(command.stdout(out).stderr(log).spawn().unwrap())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    /// Asks it to reload.
    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.0), Signal::HUP).unwrap();
    }

    /// How it has ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Ends it as a fault would.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    ([127, 0, 0, 1], free_port()).into()
}

/// Connects, as soon as a program listens.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let started = Instant::now();
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Connects and says HELLO.
pub(crate) async fn greet(address: SocketAddr) -> FakeHaproxy<TcpStream> {
    FakeHaproxy::over(connect(address).await).await.unwrap()
}
