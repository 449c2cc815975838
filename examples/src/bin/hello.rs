//! The smallest agent: one function, one message, and everything that `spoa-agent` has.
//!
//! Run it with `cargo run -p spoa-examples --bin hello`, then
//!
//! ```text
//! cargo run -p spoa-agent -- call check-client-ip ip=127.0.0.1
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/hello.cfg`. `--help` shows its
//! options: listeners, TLS, a status page, metrics, traces.

use std::{net::IpAddr, process::ExitCode};

use serde::Deserialize;
use spoa_actors::{Actions, Registry, Var};

const IP_SCORE: Var = Var::session("ip_score");

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn score(client: Client) -> Actions {
    let score = if client.ip.to_canonical().is_loopback() { 20 } else { 10 };
    Actions::new().set(IP_SCORE, score)
}

fn main() -> ExitCode {
    spoa_agent::run(Registry::new().on("check-client-ip", score))
}
