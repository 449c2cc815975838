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
    Actions, Agent, BoxError, FromMessage, HandlerActor, Message, MessageRef, Origin, ReadyHandler,
    Registry, Route, Var,
};
use spoa_bench::{Burner, Sockets};

const IP_SCORE: Var = Var::session("ip_score");

/// An agent on spoa-actors.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    sockets: Sockets,
    /// On how many worker threads it works.
    #[arg(long, default_value = "1")]
    worker_threads: NonZero<usize>,
    /// What answers.
    #[arg(long, value_enum, default_value = "function")]
    handler: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A function.
    Function,
    /// A `HandlerActor`.
    Actor,
    /// A `ReadyHandler`.
    Ready,
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .init();
    let options = Options::parse();
    let mut agent = Agent::new().arbiters(options.worker_threads);
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
    let registry = Registry::new();
    match kind {
        Kind::Function => registry
            .on("check-client-ip", check_client_ip)
            .on("read-all", Route::new(|message: Message| read_all(message.as_ref())))
            .on("burn", Route::new(move |work: Work| burn(burner, work))),
        Kind::Actor => registry
            .on("check-client-ip", actor(check_client_ip))
            .on("read-all", actor(|message: Message| read_all(message.as_ref())))
            .on("burn", actor(move |work: Work| burn(burner, work))),
        Kind::Ready => registry
            .on_ready("check-client-ip", || CheckClientIp)
            .on_ready("read-all", || ReadAll)
            .on_ready("burn", move || Burn(burner)),
    }
}

fn actor<A, F>(answer: F) -> Route
where
    A: for<'a> FromMessage<'a> + 'static,
    F: Fn(A) -> Actions + Clone + Send + Sync + 'static,
{
    Route::new(move || Actor { answer: answer.clone(), args: PhantomData })
}

/// Answers with a function.
struct Actor<A, F> {
    answer: F,
    args: PhantomData<A>,
}

#[async_trait(?Send)]
impl<A, F> HandlerActor for Actor<A, F>
where
    A: for<'a> FromMessage<'a> + 'static,
    F: Fn(A) -> Actions + 'static,
{
    type Args = A;

    async fn handle(&self, args: A, _: &Origin) -> Result<Actions, BoxError> {
        Ok((self.answer)(args))
    }
}

struct CheckClientIp;

impl ReadyHandler for CheckClientIp {
    type Args<'a> = Client;

    fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        Ok(check_client_ip(client))
    }
}

struct ReadAll;

impl ReadyHandler for ReadAll {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        Ok(read_all(message))
    }
}

struct Burn(Burner);

impl ReadyHandler for Burn {
    type Args<'a> = Work;

    fn handle(&self, work: Work, _: &Origin) -> Result<Actions, BoxError> {
        Ok(burn(self.0, work))
    }
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

fn check_client_ip(client: Client) -> Actions {
    set(if client.ip.is_loopback() { 20 } else { 10 })
}

fn read_all(message: MessageRef<'_>) -> Actions {
    let size = |value: &[u8]| i64::try_from(value.len()).unwrap_or(i64::MAX);
    let sizes = message.args().map(|arg| size(arg.name) + arg.value.as_bytes().map_or(0, size));
    set(sizes.sum())
}

#[derive(Deserialize)]
struct Work {
    us: u32,
}

fn burn(burner: Burner, work: Work) -> Actions {
    burner.burn(work.us);
    set(10)
}

fn set(score: i64) -> Actions {
    Actions::new().set(IP_SCORE, score)
}
