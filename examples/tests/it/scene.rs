//! The scene of a test: an example, and HAProxy in front of it with the example's own files.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use spoa_integration::{Config, Haproxy, HttpClient, Scratch, Tap, Version};

use crate::program::{Program, connect, free_address};

/// Long enough for a busy machine; only a failing test waits for so long.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Where the examples' HAProxy listens.
const WEB: &str = "127.0.0.1:8080";
/// Where they listen themselves.
const AGENT: &str = "127.0.0.1:12345";

/// Those with the options of `spoa-agent`.
const OF_SPOA_AGENT: [&str; 5] = ["counter", "database", "file_reload", "hello", "http_client"];

/// The program of an example.
macro_rules! example {
    ($name:literal) => {
        crate::scene::Example::new($name, env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}
pub(crate) use example;

/// An example that is to be started.
pub(crate) struct Example {
    name: &'static str,
    command: Command,
    address: SocketAddr,
}

impl Example {
    pub(crate) fn new(name: &'static str, program: &str) -> Self {
        let address = free_address();
        let mut command = Command::new(program);
        if OF_SPOA_AGENT.contains(&name) {
            command.arg("--listen");
        }
        command.arg(address.to_string());
        Self { name, command, address }
    }

    /// One more argument behind the address.
    pub(crate) fn argument(mut self, argument: impl AsRef<Path>) -> Self {
        self.command.arg(argument.as_ref());
        self
    }

    /// A variable of its environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it on a free port, and HAProxy with the files of the same name.
    pub(crate) async fn start(self, version: Version) -> Scene {
        let config = file(version, &format!("haproxy/{}.cfg", self.name), WEB);
        self.start_behind(config, AGENT).await
    }

    /// Starts it and HAProxy; `agent` is what the configuration calls its address.
    pub(crate) async fn start_behind(self, config: Config, agent: &str) -> Scene {
        let address = self.address.to_string();
        self.run(config.replace(agent, address)).await
    }

    /// The same, with a tap between the two.
    pub(crate) async fn start_behind_tap(self, config: Config, agent: &str) -> (Scene, Tap) {
        let tap = Tap::before(self.address).await.unwrap();
        let config = config.replace(agent, tap.endpoint().to_string());
        (self.run(config).await, tap)
    }

    async fn run(mut self, config: Config) -> Scene {
        let scratch = Scratch::new().unwrap();
        let log = File::create(scratch.join("log")).unwrap();
        let program = Program::start_with_log(&mut self.command, log);
        drop(connect(self.address).await);
        let haproxy = config.start().await.unwrap();
        Scene { program, haproxy, scratch }
    }
}

/// An example and the HAProxy in front of it.
pub(crate) struct Scene {
    pub(crate) program: Program,
    pub(crate) haproxy: Haproxy,
    scratch: Scratch,
}

impl Scene {
    /// A client of HAProxy, which comes from 127.0.0.1.
    pub(crate) fn http(&self) -> &HttpClient {
        self.haproxy.http()
    }

    /// One that comes from another address.
    pub(crate) fn http_from(&self, source: [u8; 4]) -> HttpClient {
        HttpClient::from(source.into(), self.haproxy.address()).unwrap()
    }

    /// The text of the answer to a GET, which has status 200.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.http().get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
        answer.text().trim_end().to_owned()
    }

    /// What the example has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.scratch.join("log")).unwrap()
    }
}

/// The files of an example with a dual-stack bind, where an IPv4 client has an IPv6 address.
pub(crate) fn dual_stack(version: Version, name: &str) -> Config {
    file(version, &format!("haproxy/{name}.cfg"), WEB)
        .replace("bind 127.0.0.1:", "bind ::ffff:127.0.0.1:")
        .replace("\n    filter spoe ", " v4v6\n    filter spoe ")
}

/// A configuration below `examples/`.
pub(crate) fn file(version: Version, path: &str, bind: &str) -> Config {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Config::file(version, path, bind)
}
