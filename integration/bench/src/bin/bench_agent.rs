//! The agent that is measured: `bench-agent --listen 127.0.0.1:12345`. No limit is switched off.
//!
//! | message | arguments | answer |
//! |---|---|---|
//! | `check-client-ip` | `ip` | `sess.ip_score`: 20 for a loopback address, else 10 |
//! | `read-all` | any | `sess.ip_score`: the lengths of all names and values together |
//! | `burn` | `us` | `sess.ip_score`, after so many microseconds of work |

use std::{io::IsTerminal, marker::PhantomData, net::IpAddr, num::NonZero};

use async_trait::async_trait;
use clap::{Parser, ValueEnum};
use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, Agent, BoxError, FromMessage, HandlerActor, Message, Origin, Registry,
    Route, Scope, handler_fn,
};
use spoa_bench::{Burner, Sockets};

/// An agent on spoa-actors.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    sockets: Sockets,
    /// On how many arbiters it works.
    #[arg(long, default_value = "1")]
    arbiters: NonZero<usize>,
    /// What answers.
    #[arg(long, value_enum, default_value = "function")]
    handler: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A function, by `handler_fn`.
    Function,
    /// A `HandlerActor`.
    Actor,
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .init();
    let options = Options::parse();
    let mut agent = Agent::new().arbiters(options.arbiters);
    if let Some(address) = options.sockets.listen {
        agent = agent.listen(address)?;
    }
    if let Some(path) = options.sockets.unix {
        agent = agent.listen_unix(path, None)?;
    }
    Ok(agent.serve(registry(options.handler)).await?)
}

fn registry(kind: Kind) -> Registry {
    let burner = Burner::calibrated();
    Registry::new()
        .on("check-client-ip", route(kind, check_client_ip))
        .on("read-all", route(kind, read_all))
        .on("burn", route(kind, move |work: Work| burn(burner, work)))
}

fn route<A, F>(kind: Kind, answer: F) -> Route
where
    A: FromMessage + 'static,
    F: Fn(A) -> Result<Actions, ActionError> + Clone + Send + Sync + 'static,
{
    match kind {
        Kind::Function => handler_fn(answer),
        Kind::Actor => Route::new(move || Actor { answer: answer.clone(), args: PhantomData }),
    }
}

/// Answers with a function.
struct Actor<A, F> {
    answer: F,
    args: PhantomData<A>,
}

#[async_trait(?Send)]
impl<A, F> HandlerActor for Actor<A, F>
where
    A: FromMessage + 'static,
    F: Fn(A) -> Result<Actions, ActionError> + 'static,
{
    type Args = A;

    async fn handle(&self, args: A, _: &Origin) -> Result<Actions, BoxError> {
        Ok((self.answer)(args)?)
    }
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn check_client_ip(client: Client) -> Result<Actions, ActionError> {
    set(if client.ip.is_loopback() { 20 } else { 10 })
}

fn read_all(message: Message) -> Result<Actions, ActionError> {
    let size = |value: &[u8]| i64::try_from(value.len()).unwrap_or(i64::MAX);
    let sizes = message.args().map(|arg| size(arg.name) + arg.value.as_bytes().map_or(0, size));
    set(sizes.sum())
}

#[derive(Deserialize)]
struct Work {
    us: u32,
}

fn burn(burner: Burner, work: Work) -> Result<Actions, ActionError> {
    burner.burn(work.us);
    set(10)
}

fn set(score: i64) -> Result<Actions, ActionError> {
    Actions::none().set_var(Scope::Session, "ip_score", score)
}
