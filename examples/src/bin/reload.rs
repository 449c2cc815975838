//! Handlers that are replaced on SIGHUP, without a restart and without a lost request.
//!
//! The greeting is in a file; the other handler counts visits, and keeps its count. Run it with a file,
//! and put HAProxy in front of it:
//!
//! ```text
//! echo hello > greeting.txt
//! cargo run -p spoa-examples --bin reload -- 127.0.0.1:12345 greeting.txt &
//! haproxy -f examples/haproxy/reload.cfg &
//! curl 127.0.0.1:8080                     hello, visit 1
//! echo good morning > greeting.txt
//! kill -HUP %1
//! curl 127.0.0.1:8080                     good morning, visit 2
//! ```
//!
//! If the file is empty or cannot be read, the last greeting stays in use, and the log has a line.

use std::{
    cell::Cell,
    env, fs,
    io::{self, IsTerminal},
    num::NonZero,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use spoa_actors::{
    Actions, Agent, BoxError, HandlerActor, Origin, Registry, Reloader, Route, Signals, Var,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

const GREETING: Var = Var::transaction("greeting");
const VISITS: Var = Var::transaction("visits");

/// Counts the visits: on each arbiter its own, so here is one arbiter.
#[derive(Default)]
struct Visits(Cell<u64>);

#[async_trait(?Send)]
impl HandlerActor for Visits {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Result<Actions, BoxError> {
        self.0.set(self.0.get() + 1);
        Ok(Actions::new().set(VISITS, self.0.get()))
    }
}

/// A handler with the greeting in the file: another one each time that this is called.
fn greet(file: &Path) -> Result<Route, BoxError> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let greeting = text.trim().to_owned();
    if greeting.is_empty() {
        return Err(format!("{}: there is no greeting in it", file.display()).into());
    }
    Ok(Route::new(move |(): ()| Actions::new().set(GREETING, greeting.as_str())))
}

/// Replaces the handler of `greet` on each SIGHUP. The other route is a clone of the one that is there,
/// so its handler continues.
async fn reload_on(mut hangup: Signal, file: PathBuf, registry: Registry, reloader: Reloader) {
    while hangup.recv().await.is_some() {
        match greet(&file) {
            // What goes wrong from here on is in the log.
            Ok(greet) => drop(reloader.reload(registry.clone().replace("greet", greet)).await),
            Err(error) => tracing::warn!("the last greeting stays in use: {error}"),
        }
    }
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
    let file = PathBuf::from(arguments.next().unwrap_or_else(|| "greeting.txt".to_owned()));
    let hangup = signal(SignalKind::hangup())?;
    let mut signals = Signals::listen()?.without_hangup();
    let registry = Registry::new().on("greet", greet(&file)?).on("count-visits", Visits::default);
    let agent = Agent::bind(address)?.arbiters(NonZero::<usize>::MIN);
    let last = registry.clone();
    agent
        .serve_until(registry, &mut signals, |running| {
            actix_rt::spawn(reload_on(hangup, file, last, running.reloader()));
        })
        .await?;
    Ok(())
}
