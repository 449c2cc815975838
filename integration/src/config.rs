//! An HAProxy configuration: one HTTP frontend, its SPOE engines, the application behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config_files::ConfigFiles;
use crate::{Engine, Failure, Scratch, Version, free_port};

/// What to start; the same text serves every version.
#[derive(Clone, Debug)]
pub struct Config {
    version: Version,
    app: Option<SocketAddr>,
    engines: Vec<Engine>,
    files: Option<ConfigFiles>,
    frontend: Vec<String>,
    global: Vec<String>,
    master: bool,
    port: u16,
    sections: String,
    threads: u16,
    untouched: bool,
}

impl Config {
    /// Starts from a frontend on a free loopback port with one thread, and nothing behind it.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self {
            version,
            app: None,
            engines: Vec::new(),
            files: None,
            frontend: Vec::new(),
            global: Vec::new(),
            master: false,
            port: free_port(),
            sections: String::new(),
            threads: 1,
            untouched: false,
        }
    }

    /// Takes a file as it is, instead of all that the other methods say; `bind` is the address in its
    /// `bind` line, which gives way to a free port.
    #[must_use]
    pub fn file(version: Version, path: impl Into<PathBuf>, bind: &str) -> Self {
        let config = Self::new(version);
        let free = format!("127.0.0.1:{}", config.port);
        Self { files: Some(ConfigFiles::new(path)), ..config }.replace(bind, free)
    }

    /// Writes `with` wherever the [`file`](Self::file) says `what`, which it must.
    #[must_use]
    pub fn replace(mut self, what: impl Into<String>, with: impl Into<String>) -> Self {
        if let Some(files) = &mut self.files {
            files.replace(what, with);
        }
        self
    }

    /// Adds a `filter spoe` with its spoe file and agents; filters run in the order added.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engines.push(engine);
        self
    }

    /// Adds a line to the frontend: `http-request return status 200 hdr x-score "%[var(…)]"`.
    #[must_use]
    pub fn frontend(mut self, line: &str) -> Self {
        self.frontend.push(line.to_owned());
        self
    }

    /// Adds a line to the global section: `tune.bufsize 65536`.
    #[must_use]
    pub fn global(mut self, line: &str) -> Self {
        self.global.push(line.to_owned());
        self
    }

    /// Sends what no rule has answered to this address.
    #[must_use]
    pub fn app(mut self, address: SocketAddr) -> Self {
        self.app = Some(address);
        self
    }

    /// Adds whole sections as they are.
    #[must_use]
    pub fn sections(mut self, text: &str) -> Self {
        self.sections.push_str(text);
        self.sections.push('\n');
        self
    }

    /// Sets `nbthread`; 1 without.
    #[must_use]
    pub fn threads(mut self, count: u16) -> Self {
        self.threads = count;
        self
    }

    /// Runs under a master process, which can [`reload`](crate::Haproxy::reload).
    #[must_use]
    pub fn master(mut self) -> Self {
        self.master = true;
        self
    }

    /// Takes the open port, not an answer of the runtime socket, for the sign that it serves: the
    /// first stream of the process is then the test's own.
    #[must_use]
    pub fn untouched(mut self) -> Self {
        self.untouched = true;
        self
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn is_master(&self) -> bool {
        self.master
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.untouched
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Writes the spoe files and the main file.
    pub(crate) fn write(&self, scratch: &Scratch, log: SocketAddr) -> Result<(), Failure> {
        if let Some(files) = &self.files {
            return files.write(&global(self.version, scratch.path(), log), scratch);
        }
        for engine in &self.engines {
            scratch.write(&spoe_name(engine), &engine.spoe_file())?;
        }
        scratch.write("haproxy.cfg", &self.render(scratch.path(), log))?;
        Ok(())
    }

    /// The names of the files that [`write`](Self::write) made.
    pub(crate) fn files(&self) -> Vec<String> {
        let main = std::iter::once("haproxy.cfg".to_owned());
        let given = self.files.as_ref().map(ConfigFiles::names).unwrap_or_default();
        main.chain(self.engines.iter().map(spoe_name)).chain(given).collect()
    }

    fn render(&self, directory: &Path, log: SocketAddr) -> String {
        let dir = directory.display();
        let mut text = global(self.version, directory, log);
        text.push_str(&format!("    maxconn 4000\n    nbthread {}\n", self.threads));
        push_lines(&mut text, &self.global);
        // Without idle-close-on-response a stop or reload cuts idle connections under a new request.
        text.push_str(
            "defaults\n    log global\n    mode http\n    option idle-close-on-response\n    \
             timeout connect 2s\n    timeout client 30s\n    timeout server 30s\n",
        );
        text.push_str(&format!(
            "frontend http\n    bind 127.0.0.1:{}\n    option httplog\n",
            self.port
        ));
        if self.untouched {
            // The log line of a connection without a request has a stream number of its own.
            text.push_str("    option dontlognull\n");
        }
        for engine in &self.engines {
            let file = spoe_name(engine);
            text.push_str(&format!(
                "    filter spoe engine {} config {dir}/{file}\n",
                engine.name()
            ));
        }
        push_lines(&mut text, &self.frontend);
        if let Some(app) = self.app {
            text.push_str("    default_backend app\n");
            text.push_str(&format!("backend app\n    server app1 {app}\n"));
        }
        for engine in &self.engines {
            text.push_str(&engine.backend_section());
        }
        text.push_str(&self.sections);
        text
    }
}

/// What the harness itself needs: log lines, and the runtime socket.
fn global(version: Version, directory: &Path, log: SocketAddr) -> String {
    let mut text = format!(
        "global\n    log {log} len 4096 local0\n    \
         stats socket {}/stats mode 600 level admin expose-fd listeners\n",
        directory.display()
    );
    for line in version.global_lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

fn spoe_name(engine: &Engine) -> String {
    format!("{}.spoe", engine.name())
}

fn push_lines(text: &mut String, lines: &[String]) {
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
}
