//! An agent on a UNIX socket, for an HAProxy on the same machine: no port, and the permissions of a
//! file say who may ask.
//!
//! Run it with `cargo run -p spoa-examples --bin unix_socket`, then
//!
//! ```text
//! cargo run -p spoa-agent -- call --unix /tmp/spoa-example.sock greet host=example.com
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/unix_socket.cfg`. The socket's file is
//! removed when the agent ends; one that a killed agent has left is replaced.

use std::env;

use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Agent, AgentError, Listen, Registry, Scope, handler_fn};

#[derive(Deserialize)]
struct Request {
    host: Option<String>,
}

fn greet(request: Request) -> Result<Actions, ActionError> {
    let greeting = format!("hello to {}", request.host.as_deref().unwrap_or("nobody"));
    Actions::none().set_var(Scope::Transaction, "greeting", &greeting)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let path = env::args().nth(1).unwrap_or_else(|| "/tmp/spoa-example.sock".to_owned());
    // For its user and group; HAProxy, which runs as a user of its own, belongs to that group.
    let listen = Listen::unix(path).mode(0o660);
    let registry = Registry::new().on("greet", handler_fn(greet));
    Agent::new().listen_on(listen)?.serve(registry).await
}
