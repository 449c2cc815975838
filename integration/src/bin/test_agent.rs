//! The agent of the tests that need one as a process of its own: `test_agent ADDRESS`.
//!
//! It prints a line when it serves, logs to stderr, and ends as the library has it on a signal.

use std::time::Duration;

use spoa_actors::{ActionError, Actions, Agent, AgentError, Limits, Registry, Scope, handler_fn};

/// Short, so that a test sees its end; far beyond what a peer of good will needs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Long enough for a health check, ten times a second, to see an agent down on a busy machine.
const NOTICE: Duration = Duration::from_secs(1);

/// How long a greeting takes: so long that several are always under way.
const THOUGHT: Duration = Duration::from_millis(5);

/// So little that a few peers of ill will can reach it, in bytes.
const MEMORY: usize = 32 << 20;

/// The size of a large answer in bytes.
const LARGE: usize = 8000;

/// `greet` is answered by which process it is, a moment later; `large` at once, and at length.
fn registry() -> Registry {
    let greet = handler_fn(async |(): ()| {
        tokio::time::sleep(THOUGHT).await;
        set("greeting", &std::process::id().to_string())
    });
    let large = handler_fn(|(): ()| set("large", &"x".repeat(LARGE)));
    Registry::new().on("greet", greet).on("large", large)
}

fn set(name: &str, value: &str) -> Result<Actions, ActionError> {
    Actions::none().set_var(Scope::Transaction, name, value)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let limits = Limits {
        hello_timeout: PATIENCE,
        read_timeout: PATIENCE,
        write_timeout: PATIENCE,
        memory: MEMORY,
        notice_period: NOTICE,
        ..Limits::default()
    };
    let agent = Agent::bind(address)?.limits(limits).start(registry()).await?;
    println!("serves {:?}", agent.local_addresses());
    agent.serve().await
}
