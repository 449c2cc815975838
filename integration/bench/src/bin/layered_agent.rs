//! The agent whose layers and arguments are counted: `layered-agent --listen 127.0.0.1:12345 cache`.
//!
//! | message | arguments | answer |
//! |---|---|---|
//! | `check-client-ip` | `ip` | `sess.ip_score`: 20 for a loopback address, else 10 |
//! | `check-port` | `port` | `sess.port_score`: the port |

use std::{hint::black_box, net::IpAddr, num::NonZero, sync::Arc, time::Duration};

use clap::Parser;
use serde::Deserialize;
use spoa_actors::{
    Actions, Agent, BoxError, Deadline, Origin, ReadyHandler, Registry, Route, State, Var,
    layers::{Audit, Cache, Require, Rollout, Timeout},
};
use spoa_bench::{Layered, Sockets};

const IP_SCORE: Var = Var::session("ip_score");
const PORT_SCORE: Var = Var::session("port_score");
const MINUTE: Duration = Duration::from_secs(60);

/// An agent on spoa-actors, with one worker thread.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    sockets: Sockets,
    /// What answers.
    #[arg(value_enum)]
    layered: Layered,
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    let mut agent = Agent::new().arbiters(NonZero::<usize>::MIN);
    if let Some(address) = options.sockets.listen {
        agent = agent.listen(address)?;
    }
    if let Some(path) = options.sockets.unix {
        agent = agent.listen_unix(path, None)?;
    }
    Ok(agent.serve(registry(options.layered)).await?)
}

fn registry(layered: Layered) -> Registry {
    let ready = Route::ready(|| CheckClientIp);
    let route = match layered {
        Layered::Ready => ready,
        Layered::Require => ready.layer(|| Require::arguments(["ip"])),
        Layered::Timeout => ready.layer(|| Timeout::after(MINUTE)),
        Layered::Rollout => ready.layer(|| Rollout::percent(100.0).by(["ip"])),
        Layered::Cache => ready.layer(|| Cache::by(["ip"]).ttl(10 * MINUTE)),
        Layered::Audit => ready.layer(|| Audit::to(drop).arguments(["ip"])),
        Layered::Shared => Route::shared(|| CheckClientIp),
        Layered::Function => Route::new(check_client_ip),
        Layered::State => Route::new(|client: Client, scores: State<Scores>| scores.0.of(client)),
        Layered::Origin => Route::new(with_origin),
        Layered::Deadline => Route::new(with_deadline),
        Layered::All => Route::new(with_all),
        Layered::Apart => {
            let port = |port: Port| Actions::new().set(PORT_SCORE, port.port);
            return Registry::new().on("check-client-ip", check_client_ip).on("check-port", port);
        }
        Layered::Together => {
            let names = ["check-client-ip", "check-port"];
            return Registry::new().on_notify(names, check_both);
        }
    };
    Registry::new().state(Scores(Arc::new([10, 20]))).on("check-client-ip", route)
}

struct CheckClientIp;

impl ReadyHandler for CheckClientIp {
    type Args<'a> = Client;

    fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        Ok(check_client_ip(client))
    }
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

#[derive(Deserialize)]
struct Port {
    port: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Both {
    check_client_ip: Client,
    check_port: Port,
}

/// The scores of other addresses, and of loopback ones.
#[derive(Clone)]
struct Scores(Arc<[i64; 2]>);

impl Scores {
    fn of(&self, client: Client) -> Actions {
        set(self.0[usize::from(client.ip.is_loopback())])
    }
}

fn check_client_ip(client: Client) -> Actions {
    set(if client.ip.is_loopback() { 20 } else { 10 })
}

fn check_both(Both { check_client_ip: client, check_port: Port { port } }: Both) -> Actions {
    check_client_ip(client).set(PORT_SCORE, port)
}

// What nobody looks at, a compiler could leave away: hence the black boxes.
fn with_origin(client: Client, origin: Origin) -> Actions {
    black_box(&origin);
    check_client_ip(client)
}

fn with_deadline(client: Client, deadline: Deadline) -> Actions {
    black_box(&deadline);
    check_client_ip(client)
}

fn with_all(
    client: Client,
    State(scores): State<Scores>,
    origin: Origin,
    deadline: Deadline,
) -> Actions {
    black_box((&origin, &deadline));
    scores.of(client)
}

fn set(score: i64) -> Actions {
    Actions::new().set(IP_SCORE, score)
}
