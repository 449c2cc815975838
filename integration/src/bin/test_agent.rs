//! The agent of the tests that need one as a process of its own: `test_agent ADDRESS`, or `test_agent -`
//! with a listening socket as its stdin.
//!
//! It prints a line when it serves, logs to stderr, and ends as the library has it on a signal.

use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, Agent, AgentError, Limits, Listen, Message, Registry, Route, Scope,
};

/// Short, so that a test sees its end; far beyond what a peer of good will needs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Long enough for a health check, ten times a second, to see an agent down on a busy machine.
const NOTICE: Duration = Duration::from_secs(1);

/// How long a greeting takes: so long that several are always under way.
const THOUGHT: Duration = Duration::from_millis(5);

/// So little that a few peers of ill will can reach it, in bytes.
const MEMORY: usize = 32 << 20;

/// As many calls of a route as a connection may have in flight, and more.
const CALLS: usize = 10_000;

/// The size of a large answer in bytes.
const LARGE: usize = 8000;

/// `greet` is answered by which process it is, a moment later; `large` at once, and at length; `keep` and
/// `keep-text` never.
fn registry() -> Registry {
    let greet = Route::new(async |(): ()| {
        tokio::time::sleep(THOUGHT).await;
        set("greeting", &std::process::id().to_string())
    });
    let large = Route::new(|(): ()| set("large", &"x".repeat(LARGE)));
    let keep = Route::new(async |message: Message| never(message).await);
    let keep_text = Route::new(async |text: Text| never(text.body).await);
    Registry::new()
        .on("greet", greet)
        .on("large", large)
        .on("keep", keep.concurrency(CALLS))
        .on("keep-text", keep_text.concurrency(CALLS))
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

/// Keeps this for as long as somebody waits for the answer.
async fn never<T>(kept: T) -> Result<Actions, ActionError> {
    std::future::pending::<()>().await;
    drop(kept);
    Ok(Actions::new())
}

fn set(name: &str, value: &str) -> Result<Actions, ActionError> {
    Actions::new().set_var(Scope::Transaction, name, value)
}

/// What is listened on already.
fn handed_over() -> Listen {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("stdin is open");
    let socket = TcpListener::from(socket);
    match socket.local_addr() {
        Ok(_) => Listen::handed_over_tcp(socket),
        Err(_) => Listen::handed_over_unix(OwnedFd::from(socket).into()),
    }
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let limits = Limits::default()
        .hello_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .write_timeout(PATIENCE)
        .memory(MEMORY)
        .notice_period(NOTICE);
    let listen = if address == "-" { handed_over() } else { Listen::tcp(address) };
    let agent = Agent::new().listen_on(listen)?.limits(limits).start(registry()).await?;
    println!("serves {}", agent.listeners().collect::<Vec<_>>().join(", "));
    agent.serve().await
}
