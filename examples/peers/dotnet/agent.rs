//! The example of the .NET agent framework, for the same HAProxy files: `check-client-ip` on port 12345.
//!
//! Run it with `cargo run -p spoa-examples --bin like_dotnet`, and put HAProxy in front of it:
//! `haproxy -f examples/peers/dotnet/haproxy.cfg`. The application on port 8081 receives `/` with the
//! header `ip_score: 20` from a loopback address, and `ip_score: 10` from any other.

use std::{env, net::IpAddr, time::Duration};

use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Registry, Route, Var};

const SCORE: Var = Var::session("ip_score");

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// The messages of one frame.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Frame {
    check_client_ip: Option<Client>,
    my_message_name: Option<Client>,
}

fn score(frame: Frame) -> Actions {
    let clients = frame.check_client_ip.into_iter().chain(frame.my_message_name);
    clients.fold(Actions::new(), |actions, client| {
        let score = if client.ip.to_canonical().is_loopback() { 20 } else { 10 };
        actions.set(SCORE, score)
    })
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    // HAProxy waits one second.
    let score = Route::new(score).deadline(Duration::from_millis(900));
    // The second name is that of their first files.
    let names = ["check-client-ip", "my-message-name"];
    Agent::bind(address)?.serve(Registry::new().on_notify(names, score)).await
}
