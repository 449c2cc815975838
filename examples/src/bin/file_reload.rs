//! A file that is loaded again in the background: a blocklist of addresses.
//!
//! ```text
//! echo 192.0.2.1 > blocklist.txt
//! cargo run -p spoa-examples --bin file_reload -- --blocklist blocklist.txt &
//! haproxy -f examples/haproxy/file_reload.cfg &
//! curl -i 127.0.0.1:8080                  200
//! echo 127.0.0.1 > blocklist.txt
//! curl -i 127.0.0.1:8080                  403, a second later
//! ```
//!
//! The example `stateful` does the same for ranges. It reads the file only after a change, and
//! never during a write.

use std::{
    collections::HashSet,
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{Actions, BoxError, Origin, ReadyHandler, Registry, Route, Tasks, Var};
use spoa_agent::App;
use tokio::{fs, sync::watch, time::sleep};

const BLOCKED: Var = Var::transaction("blocked");

#[derive(clap::Args)]
struct Own {
    /// A file with an address on each line
    #[arg(long, value_name = "FILE")]
    blocklist: PathBuf,
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

struct Blocklist {
    file: PathBuf,
    addresses: watch::Sender<HashSet<IpAddr>>,
}

impl Blocklist {
    async fn open(file: PathBuf) -> Result<Self, BoxError> {
        let addresses = watch::Sender::new(read(&file).await?);
        Ok(Self { file, addresses })
    }
}

async fn read(file: &Path) -> Result<HashSet<IpAddr>, BoxError> {
    let text = fs::read_to_string(file).await?;
    Ok(text.lines().map(str::parse).collect::<Result<_, _>>()?)
}

impl ReadyHandler for Blocklist {
    type Args<'a> = Client;

    fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let (file, addresses) = (self.file.clone(), self.addresses.clone());
        tasks.spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                match read(&file).await {
                    Ok(newest) => drop(addresses.send_replace(newest)),
                    Err(error) => tracing::warn!("the last blocklist stays in use: {error}"),
                }
            }
        });
        Ok(())
    }

    fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        let is_blocked = self.addresses.borrow().contains(&client.ip.to_canonical());
        Ok(Actions::new().set(BLOCKED, is_blocked))
    }
}

fn registry(own: Own) -> Result<Registry, BoxError> {
    let blocklist = Route::shared(move || Blocklist::open(own.blocklist.clone()));
    Ok(Registry::new().on("check-client-ip", blocklist))
}

fn main() -> ExitCode {
    App::new("file_reload")
        .about("Blocks the clients of a list")
        .example("check-client-ip ip=192.0.2.1")
        .options(registry)
        .run()
}
