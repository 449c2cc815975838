//! State and timers in the actor: a blocklist that is read from a file again every second.
//!
//! Each arbiter has a list of its own, so there is no lock; its task lives and ends with the handler.
//! Run it with a file, which may be empty, and put HAProxy in front of it:
//!
//! ```text
//! touch blocklist.txt
//! cargo run -p spoa-examples --bin stateful -- 127.0.0.1:12345 blocklist.txt &
//! haproxy -f examples/haproxy/stateful.cfg &
//! curl -i 127.0.0.1:8080                  200
//! echo 127.0.0.1 > blocklist.txt
//! curl -i 127.0.0.1:8080                  403, a second later
//! ```
//!
//! A file that cannot be read leaves the last list in use, and a line of each arbiter in the log.
//! Where half a list would do harm, write a new file and `mv` it there.
//!
//! It fails open: without an agent nobody is denied. The example `access_control` fails closed.

use std::{
    cell::RefCell,
    collections::HashSet,
    env,
    io::{self, IsTerminal},
    net::IpAddr,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, HandlerActor, Origin, Registry, Scope, Tasks};
use tokio::{
    fs,
    time::{Instant, MissedTickBehavior, interval_at},
};

const REFRESH: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

struct Blocklist {
    file: PathBuf,
    addresses: Rc<RefCell<HashSet<IpAddr>>>,
}

#[async_trait(?Send)]
impl HandlerActor for Blocklist {
    type Args = Client;

    /// Without a list the agent does not start.
    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let (file, addresses) = (self.file.clone(), Rc::clone(&self.addresses));
        addresses.replace(load(&file).await?);
        tasks.spawn(async move {
            let mut refresh = interval_at(Instant::now() + REFRESH, REFRESH);
            refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut told = String::new();
            loop {
                refresh.tick().await;
                match load(&file).await {
                    Ok(loaded) => {
                        addresses.replace(loaded);
                        told.clear();
                    }
                    // Once on each arbiter, and not every second.
                    Err(error) if error.to_string() == told => {}
                    Err(error) => {
                        told = error.to_string();
                        tracing::warn!("the last list stays in use: {told}");
                    }
                }
            }
        });
        Ok(())
    }

    /// Behind a dual-stack bind an IPv4 client comes as `::ffff:192.0.2.1`: it is the same address.
    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        let is_listed = self.addresses.borrow().contains(&client.ip.to_canonical());
        Ok(Actions::none().set_var(Scope::Transaction, "is_listed", is_listed)?)
    }
}

/// An address a line; what follows a `#` is a comment.
async fn load(file: &Path) -> Result<HashSet<IpAddr>, BoxError> {
    let name = file.display();
    let text = fs::read_to_string(file).await.map_err(|error| format!("{name}: {error}"))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let parse = |line: &str| match line.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_canonical()),
        Err(_) => Err(format!("{name}: {line:?} is no address").into()),
    };
    lines.filter(|line| !line.is_empty()).map(parse).collect()
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false) // a log that cannot be written ends nothing
        .init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let file = PathBuf::from(arguments.next().unwrap_or_else(|| "blocklist.txt".to_owned()));
    let blocklist = move || Blocklist { file: file.clone(), addresses: Rc::default() };
    // No fallback, so no variable: it fails open.
    Ok(Agent::bind(address)?.serve(Registry::new().on("check-blocklist", blocklist)).await?)
}
