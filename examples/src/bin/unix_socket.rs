//! An agent on a UNIX socket, for HAProxy on the same machine: no port, and access by file
//! permissions.
//!
//! Run it with `cargo run -p spoa-examples --bin unix_socket`, then
//!
//! ```text
//! cargo run -p spoa-agent -- call --unix spoa-example.sock greet host=example.com
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/unix_socket.cfg`. The agent removes
//! its socket file when it ends, and replaces one that a killed agent has left.
//!
//! All three use the socket in the folder where you start them. In production, use a folder where
//! only the agent can create files: in `/tmp`, any process could answer HAProxy first. The folder
//! belongs to the agent's user and, with the setgid bit, to HAProxy's group:
//!
//! ```text
//! sudo useradd --system spoa
//! sudo install -d -o spoa -g haproxy -m 2750 /run/spoa
//! sudo -u spoa target/debug/unix_socket /run/spoa/agent.sock
//! ```
//!
//! The other way round does not work: an HAProxy that root starts drops all groups but its own, so
//! `usermod -aG` gives it no access. With `chroot`, HAProxy looks for the file below that folder.
//! `docs/operating.md` has a unit for systemd.

use std::env;

use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Listen, Registry, Var};

const GREETING: Var = Var::transaction("greeting");

#[derive(Deserialize)]
struct Request {
    host: Option<String>,
}

fn greet(request: Request) -> Actions {
    let greeting = format!("hello to {}", request.host.as_deref().unwrap_or("nobody"));
    Actions::new().set(GREETING, &greeting)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let path = env::args().nth(1).unwrap_or_else(|| "spoa-example.sock".to_owned());
    // For its user and its group: HAProxy's, see above.
    let listen = Listen::unix(path).mode(0o660);
    let registry = Registry::new().on("greet", greet);
    Agent::new().listen_on(listen)?.serve(registry).await
}
