//! The TCP and the UNIX agent of nbari/spop's examples in one, for the same HAProxy files: engine `test`
//! on port 12345, engine `test-socket` on a UNIX socket.
//!
//! Run it with `cargo run -p spoa-examples --bin like_spop`, and put HAProxy in front of it:
//! `haproxy -f examples/peers/spop/haproxy.cfg`. Then `curl -i 127.0.0.1:5000 -H 'cf-ipcountry: de'` shows
//! both engines' answer in headers, and the agent prints what it was told. HAProxy waits ten
//! milliseconds and goes on without an answer then. Behind `--` the program takes an address and the path
//! of the socket: `127.0.0.1:12345 /tmp/spoa.sock` is what it does without.

use std::{env, net::IpAddr, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Agent, AgentError, Registry, Scope, handler_fn};

/// Below HAProxy's ten milliseconds.
const DEADLINE: Duration = Duration::from_millis(8);

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// HAProxy rejects what is below 20.
fn score(client: Client) -> Result<Actions, ActionError> {
    let score = if client.ip.to_canonical().is_loopback() { 99 } else { 20 };
    Actions::none().set_var(Scope::Session, "ip_score", score)
}

/// Source and destination have no name.
#[derive(Debug, Deserialize)]
struct Request {
    ip: IpAddr,
    country: Option<Bytes>,
    user_agent: Option<Bytes>,
    #[serde(rename = "")]
    unnamed: Vec<IpAddr>,
}

fn log(request: Request) -> Result<Actions, ActionError> {
    let Request { ip, country, user_agent, unnamed } = request;
    // Theirs replaces what is not UTF-8.
    let [country, user_agent] =
        [&country, &user_agent].map(|text| text.as_deref().map(String::from_utf8_lossy));
    println!("{ip} from {country:?} with {user_agent:?}; source and destination: {unnamed:?}");
    Actions::none().set_var(Scope::Transaction, "my_var", "tequila")
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let socket = arguments.next().unwrap_or_else(|| "/tmp/spoa.sock".to_owned());
    let registry = Registry::new()
        .on("check-client-ip", handler_fn(score).deadline(DEADLINE))
        .on("log-request", handler_fn(log).deadline(DEADLINE));
    // For all of this machine, as theirs is: the HAProxy of their container is a user of its own. Where
    // you can give the two a group in common, 0o660 is enough.
    Agent::bind(address)?.listen_unix(socket, Some(0o666))?.serve(registry).await
}
