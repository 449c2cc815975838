//! An agent with a handler of one's own, as a user would write it.

use std::{net::IpAddr, process::ExitCode};

use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Registry, Scope, handler_fn};

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn score(client: Client) -> Result<Actions, ActionError> {
    let score = if client.ip.to_canonical().is_loopback() { 20 } else { 10 };
    Actions::new().set_var(Scope::Session, "ip_score", score)
}

fn main() -> ExitCode {
    spoa_agent::run(Registry::new().on("check-client-ip", handler_fn(score)))
}
