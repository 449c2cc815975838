//! One SPOE engine: the `[scope]` of a spoe file, and the backend that holds its agents.

use std::time::Duration;

use crate::{Endpoint, free_port};

/// The spoe-agent section has the engine's name, which is also the prefix of its variables:
/// engine `iprep` sets `sess.iprep.score` and logs as `SPOE: [iprep]`. Its backend is
/// `iprep-agents`, with servers `agent1`, `agent2` and so on.
#[derive(Clone, Debug)]
pub struct Engine {
    name: String,
    agents: Vec<Endpoint>,
    agent_lines: Vec<String>,
    backend_lines: Vec<String>,
    groups: Vec<(String, String)>,
    messages: Vec<(String, String, String)>,
    relay: Option<Relay>,
    server_options: String,
    text: Option<String>,
    timeouts: [(&'static str, Duration); 3],
}

/// A `listen` section between the engine and its agent.
#[derive(Clone, Debug)]
struct Relay {
    port: u16,
    server_options: String,
}

impl Engine {
    /// Starts an engine with pipelining and async as HAProxy has them by default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            agents: Vec::new(),
            agent_lines: Vec::new(),
            backend_lines: Vec::new(),
            groups: Vec::new(),
            messages: Vec::new(),
            relay: None,
            server_options: String::new(),
            text: None,
            timeouts: [
                ("hello", Duration::from_secs(2)),
                ("idle", Duration::from_secs(30)),
                ("processing", Duration::from_secs(1)),
            ],
        }
    }

    /// Uses a whole spoe file as it is; it must say `use-backend NAME-agents`.
    #[must_use]
    pub fn text(mut self, spoe_file: impl Into<String>) -> Self {
        self.text = Some(spoe_file.into());
        self
    }

    /// Adds a server.
    #[must_use]
    pub fn agent(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.agents.push(endpoint.into());
        self
    }

    /// Adds a message: `args` may be empty, `event` too when a group sends it.
    #[must_use]
    pub fn message(mut self, name: &str, args: &str, event: &str) -> Self {
        self.messages.push((name.to_owned(), args.to_owned(), event.to_owned()));
        self
    }

    /// Adds a group of messages, separated by spaces, for `send-spoe-group`.
    #[must_use]
    pub fn group(mut self, name: &str, messages: &str) -> Self {
        self.groups.push((name.to_owned(), messages.to_owned()));
        self
    }

    /// Adds a line to the spoe-agent section: `option set-on-error error`, `max-frame-size 512`.
    #[must_use]
    pub fn agent_line(mut self, line: &str) -> Self {
        self.agent_lines.push(line.to_owned());
        self
    }

    /// Adds a line to the backend: `balance roundrobin`.
    #[must_use]
    pub fn backend_line(mut self, line: &str) -> Self {
        self.backend_lines.push(line.to_owned());
        self
    }

    /// Adds options to every server line: `maxconn 2`.
    #[must_use]
    pub fn server_options(mut self, options: &str) -> Self {
        self.server_options.push(' ');
        self.server_options.push_str(options);
        self
    }

    /// Reaches the one agent through a relay of the same HAProxy, which has these options on its server
    /// line: the way to send PROXY headers from 3.3 on, which ignores `send-proxy` for agents.
    #[must_use]
    pub fn relay(mut self, options: &str) -> Self {
        self.relay = Some(Relay { port: free_port(), server_options: options.to_owned() });
        self
    }

    /// Checks the servers by SPOP, ten times a second; one answer decides, however late it comes on a
    /// busy machine.
    #[must_use]
    pub fn spop_check(self) -> Self {
        self.backend_line("option spop-check")
            .backend_line("timeout check 10s")
            .server_options("check inter 100ms fall 1 rise 1")
    }

    /// Sets `timeout hello`; 2 s without. HAProxy 3.1 and later ignore it.
    #[must_use]
    pub fn timeout_hello(mut self, limit: Duration) -> Self {
        self.timeouts[0].1 = limit;
        self
    }

    /// Sets `timeout idle`; 30 s without. HAProxy 3.1 and later ignore it.
    #[must_use]
    pub fn timeout_idle(mut self, limit: Duration) -> Self {
        self.timeouts[1].1 = limit;
        self
    }

    /// Sets `timeout processing`; 1 s without.
    #[must_use]
    pub fn timeout_processing(mut self, limit: Duration) -> Self {
        self.timeouts[2].1 = limit;
        self
    }

    /// The engine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The backend of its agents.
    #[must_use]
    pub fn backend(&self) -> String {
        format!("{}-agents", self.name)
    }

    pub(crate) fn spoe_file(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let mut file = format!("[{0}]\nspoe-agent {0}\n", self.name);
        let names = |names: Vec<&str>| names.join(" ");
        let direct =
            names(self.messages.iter().filter(|m| !m.2.is_empty()).map(|m| m.0.as_str()).collect());
        if !direct.is_empty() {
            file.push_str(&format!("    messages {direct}\n"));
        }
        if !self.groups.is_empty() {
            let groups = names(self.groups.iter().map(|group| group.0.as_str()).collect());
            file.push_str(&format!("    groups {groups}\n"));
        }
        file.push_str(&format!("    use-backend {}\n    log global\n", self.backend()));
        for (name, limit) in &self.timeouts {
            file.push_str(&format!("    timeout {name} {}ms\n", limit.as_millis()));
        }
        for line in &self.agent_lines {
            file.push_str(&format!("    {line}\n"));
        }
        for (name, args, event) in &self.messages {
            file.push_str(&format!("spoe-message {name}\n"));
            for (keyword, value) in [("args", args), ("event", event)] {
                if !value.is_empty() {
                    file.push_str(&format!("    {keyword} {value}\n"));
                }
            }
        }
        for (name, messages) in &self.groups {
            file.push_str(&format!("spoe-group {name}\n    messages {messages}\n"));
        }
        file
    }

    /// `mode tcp` is right in every version: 3.1 and later turn it into `mode spop`.
    pub(crate) fn backend_section(&self) -> String {
        let mut section = format!("backend {}\n    mode tcp\n", self.backend());
        section.push_str("    timeout connect 1s\n    timeout server 60s\n");
        for line in &self.backend_lines {
            section.push_str(&format!("    {line}\n"));
        }
        let options = &self.server_options;
        if let Some(Relay { port, server_options }) = &self.relay {
            let agent = &self.agents[0];
            section.push_str(&format!(
                "    server agent1 127.0.0.1:{port}{options}\n\
                 listen {}-relay\n    mode tcp\n    no option idle-close-on-response\n    bind 127.0.0.1:{port}\n    \
                 timeout client 3m\n    timeout connect 1s\n    timeout server 3m\n    \
                 server agent1 {agent} {server_options}\n",
                self.name
            ));
            return section;
        }
        for (index, agent) in self.agents.iter().enumerate() {
            section.push_str(&format!("    server agent{} {agent}{options}\n", index + 1));
        }
        section
    }
}

#[cfg(test)]
mod tests {
    use super::Engine;

    #[test]
    fn a_message_without_an_event_is_left_to_its_group() {
        let file = Engine::new("x")
            .message("direct", "", "on-frontend-http-request")
            .message("grouped", "ip=src", "")
            .group("g", "grouped")
            .spoe_file();
        assert!(file.contains("    messages direct\n    groups g\n"), "{file}");
        assert!(file.contains("spoe-message grouped\n    args ip=src\nspoe-group g\n"), "{file}");
    }
}
