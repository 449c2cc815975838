//! The smallest agent: one function, one message.
//!
//! Run it with `cargo run -p spoa-examples --bin hello`, then
//!
//! ```text
//! cargo run -p spoa-agent -- call check-client-ip ip=127.0.0.1
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/hello.cfg`.

use std::{env, net::IpAddr};

use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Agent, AgentError, Registry, Scope, handler_fn};

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn score(client: Client) -> Result<Actions, ActionError> {
    let score = if client.ip.to_canonical().is_loopback() { 20 } else { 10 };
    Actions::none().set_var(Scope::Session, "ip_score", score)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let registry = Registry::new().on("check-client-ip", handler_fn(score));
    Agent::bind(address)?.serve(registry).await
}
