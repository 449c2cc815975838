//! An agent on a UNIX socket, for an HAProxy on the same machine: no port, and the permissions of a
//! file say who may ask.
//!
//! Run it with `cargo run -p spoa-examples --bin unix_socket`, then
//!
//! ```text
//! cargo run -p spoa-agent -- call --unix spoa-example.sock greet host=example.com
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/unix_socket.cfg`. The socket's file is
//! removed when the agent ends; one that a killed agent has left is replaced.
//!
//! All three look for it in the folder where they are started. To stay, it wants a folder where nobody
//! else can make files: in `/tmp` whoever comes first answers HAProxy. The folder belongs to the agent's
//! user and, with the bit that has the socket inherit it, to the group that HAProxy runs as:
//!
//! ```text
//! sudo useradd --system spoa
//! sudo install -d -o spoa -g haproxy -m 2750 /run/spoa
//! sudo -u spoa target/debug/unix_socket /run/spoa/agent.sock
//! ```
//!
//! Not the other way round: an HAProxy that is started by root drops all groups but its own, so that
//! `usermod -aG` does not let it in. With `chroot` it looks for the file below that folder.
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
