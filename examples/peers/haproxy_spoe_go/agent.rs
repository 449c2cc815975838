//! The example of negasus/haproxy-spoe-go, for the same HAProxy files: `get-ip-reputation` on port 3000.
//!
//! That is the example of HAProxy's own SPOE.txt: a score from 0 (a blacklisted address) to 100 (a safe
//! one), and HAProxy rejects what is below 20. Run it with
//! `cargo run -p spoa-examples --bin like_haproxy_spoe_go`, and put HAProxy in front of it:
//! `haproxy -f examples/peers/haproxy_spoe_go/haproxy.cfg`. 127.0.0.66 is on its blacklist;
//! 127.0.0.77 is on HAProxy's `whitelist.lst`, and the agent is not asked about it.

use std::{
    env,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Registry, Route, Var};

const BLACKLISTED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));
const SCORE: Var = Var::session("ip_score");

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// The messages of one NOTIFY.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Request {
    get_ip_reputation: Option<Client>,
}

fn score(request: Request) -> Option<Actions> {
    let score = match request.get_ip_reputation?.ip.to_canonical() {
        BLACKLISTED => 0,
        ip if ip.is_loopback() => 100,
        _ => 50,
    };
    Some(Actions::new().set(SCORE, score))
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    // HAProxy waits ten milliseconds.
    let score = Route::new(score).deadline(Duration::from_millis(8));
    Agent::bind(address)?.serve(Registry::new().on_notify(["get-ip-reputation"], score)).await
}
