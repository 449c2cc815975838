//! The sample server of spoe-forge (Python), for the same HAProxy files: `test-ping` on port 8500.
//!
//! Run it with `cargo run -p spoa-examples --bin like_spoe_forge`, and put HAProxy in front of it:
//! `haproxy -f examples/peers/spoe_forge/haproxy.cfg`. The application on port 8000 receives each
//! request with the header `x-test-arg: ua was: …`. A user agent with `slow` in its name waits half a
//! second, and delays nobody else.

use std::{env, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Registry, Route, TypedData, Var};
use tokio::time::sleep;

const SPOE_ARG: Var = Var::request("spoe_arg");

#[derive(Deserialize)]
struct Ping {
    ua: Option<Bytes>,
}

async fn ping(ping: Ping) -> Actions {
    // Python prints `None` for a missing value.
    let ua = ping.ua.as_deref().unwrap_or(b"None");
    if ua.windows(4).any(|word| word == b"slow") {
        sleep(Duration::from_millis(500)).await;
    }
    // spoe-forge reads and writes latin-1: bytes that are not UTF-8 come back unchanged.
    let answer = [b"ua was: ", ua].concat();
    Actions::new().set(SPOE_ARG, TypedData::String(&answer))
}

/// What older files ask behind the ping; theirs prints it, and sets nothing.
#[derive(Deserialize)]
struct Pong {
    test_arg: Option<Bytes>,
}

fn pong(pong: Pong) {
    println!("test-pong with {:?}", pong.test_arg);
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8500".to_owned());
    // HAProxy waits one second.
    let deadline = Duration::from_millis(900);
    let registry = Registry::new()
        .on("test-ping", Route::new(ping).deadline(deadline))
        .on("test-pong", Route::new(pong).deadline(deadline));
    Agent::bind(address)?.serve(registry).await
}
