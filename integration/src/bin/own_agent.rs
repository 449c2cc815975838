//! An agent with a handler of one's own, as a user would write it.

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
