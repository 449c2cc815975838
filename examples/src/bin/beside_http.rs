//! An agent beside an HTTP server, in one `#[tokio::main]`: the API bans addresses, the agent denies them.
//!
//! Run it with `cargo run -p spoa-examples --bin beside_http` and put HAProxy in front of it,
//! `haproxy -f examples/haproxy/beside_http.cfg`; then
//!
//! ```text
//! curl 127.0.0.1:8080                                 welcome
//! curl -X PUT 127.0.0.1:8000/banned/127.0.0.1
//! curl -i 127.0.0.1:8080                              403 Forbidden
//! curl -X DELETE 127.0.0.1:8000/banned/127.0.0.1
//! ```
//!
//! The API has no authentication, so it listens on localhost. `docs/tokio.md` explains the lines.

use std::{
    collections::HashSet,
    env,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract, http::StatusCode, routing::put};
use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, Registry, State, Var};
use tokio::{
    net::TcpListener,
    select,
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
};

const BANNED: Var = Var::transaction("banned");
/// Further addresses are refused.
const MAX_BANNED: usize = 100_000;

/// The addresses that the API bans. Each clone is the same set.
#[derive(Clone, Default)]
struct Banned(Arc<Mutex<HashSet<IpAddr>>>);

impl Banned {
    /// Nobody awaits anything while the set is locked.
    fn with<T>(&self, work: impl FnOnce(&mut HashSet<IpAddr>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn check(client: Client, State(banned): State<Banned>) -> Actions {
    let is_banned = banned.with(|banned| banned.contains(&client.ip.to_canonical()));
    Actions::new().set(BANNED, is_banned)
}

fn api(banned: Banned) -> Router {
    let ban = async |extract::State(banned): extract::State<Banned>,
                     extract::Path(ip): extract::Path<IpAddr>| {
        banned.with(|banned| {
            if banned.len() >= MAX_BANNED {
                return StatusCode::INSUFFICIENT_STORAGE;
            }
            banned.insert(ip.to_canonical());
            StatusCode::NO_CONTENT
        })
    };
    let pardon = async |extract::State(banned): extract::State<Banned>,
                        extract::Path(ip): extract::Path<IpAddr>| {
        banned.with(|banned| banned.remove(&ip.to_canonical()));
        StatusCode::NO_CONTENT
    };
    Router::new().route("/banned/{ip}", put(ban).delete(pardon)).with_state(banned)
}

/// SIGTERM, or Ctrl-C. The agent takes no signals of its own: the program decides.
async fn stopped() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    select! {
        _ = terminate.recv() => {}
        _ = ctrl_c() => {}
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut addresses = env::args().skip(1);
    let mut address = |default: &str| addresses.next().unwrap_or_else(|| default.to_owned());
    let (spop, http) = (address("127.0.0.1:12345"), address("127.0.0.1:8000"));
    let banned = Banned::default();

    let registry = Registry::new().state(banned.clone()).on("check-client", check);
    let agent = Agent::bind(spop)?.start(registry).await?;

    let listener = TcpListener::bind(http).await?;
    axum::serve(listener, api(banned)).with_graceful_shutdown(stopped()).await?;

    let seen = agent.stop().await;
    println!("answered {} messages", seen.messages.answered);
    Ok(())
}
