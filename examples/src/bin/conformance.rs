//! The conformance agent: handlers for everything that an agent may be asked, to be exercised from
//! outside.
//!
//! ```text
//! cargo run --release -p spoa-examples --bin conformance &
//! cargo run -p spoa-agent -- call checksum data:string=123456789
//! ```
//!
//! It listens on 127.0.0.1:12345; behind `--`, `--listen ADDRESS` and `--unix PATH` say where else.
//!
//! | message | arguments | answer |
//! |---|---|---|
//! | `echo` | any | each named argument as a variable of the transaction |
//! | `sleep` | `ms` | `txn.slept`, after that many milliseconds |
//! | `checksum` | `data` | `txn.len` and `txn.crc32` |
//! | `scopes` | none | `v` = true in every scope |
//! | `unset` | `name` | unsets that variable of the transaction |
//! | `fail`, `panic`, `never` | any | nothing: an error, a panic, no answer |
//! | `get-ip-reputation` | `ip` | `sess.ip_score`: 20 for a loopback address, else 10 |
//! | `big` | `n` | `txn.big`: a string of that many bytes |

use std::{future::pending, io::IsTerminal, net::IpAddr, path::PathBuf, time::Duration};

use async_trait::async_trait;
use clap::Parser;
use serde::Deserialize;
use spoa_actors::{
    Actions, Agent, BoxError, HandlerActor, Limits, Message, Origin, Registry, Route, Scope,
    TypedData, Var,
};
use tokio::time::sleep;

const SLEPT: Var = Var::transaction("slept");
const LEN: Var = Var::transaction("len");
const CRC32: Var = Var::transaction("crc32");
const SCORE: Var = Var::session("ip_score");
const BIG: Var = Var::transaction("big");

/// The longest string that `big` is asked for.
const MAX_BIG: u32 = 16 * 1024 * 1024;
/// How many messages may wait: no number of them holds up the others.
const WAITING: usize = 1 << 16;

/// A SPOE agent with the handlers of the conformance contract.
#[derive(Parser)]
struct Options {
    /// Listen on this TCP address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12345")]
    listen: String,
    /// Listen on this UNIX socket too.
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    // A log that cannot be written must not end anything.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .init();
    let options = Options::parse();
    let limits = Limits::default()
        .deadline(Duration::from_millis(500))
        .max_fragmented_ack(2 * MAX_BIG as usize)
        .messages_per_connection(WAITING)
        .messages(WAITING)
        .memory(1 << 30);
    let mut agent = Agent::bind(options.listen)?.limits(limits);
    if let Some(path) = options.unix {
        agent = agent.listen_unix(path, None)?;
    }
    Ok(agent.serve(registry()).await?)
}

fn registry() -> Registry {
    Registry::new()
        .on("echo", echo)
        .on("sleep", Route::new(|| Sleep).concurrency(WAITING))
        .on("checksum", checksum)
        .on("scopes", scopes)
        .on("unset", unset)
        .on("fail", fail)
        .on("panic", panics)
        .on("never", Route::new(never).concurrency(WAITING))
        .on("get-ip-reputation", ip_reputation)
        .on("big", big)
}

/// Names come from the peer, who wants back what he sent, so they are not checked.
fn echo(message: Message) -> Result<Actions, BoxError> {
    let named = message.args().filter(|arg| !arg.name.is_empty());
    Ok(named.fold(Actions::new(), |actions, arg| {
        actions.set_var_unchecked(Scope::Transaction, arg.name, arg.value)
    }))
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

/// The one handler here that is an actor: it waits.
struct Sleep;

#[async_trait(?Send)]
impl HandlerActor for Sleep {
    type Args = Milliseconds;

    async fn handle(&self, args: Milliseconds, _: &Origin) -> Result<Actions, BoxError> {
        sleep(Duration::from_millis(args.ms)).await;
        Ok(Actions::new().set(SLEPT, args.ms))
    }
}

/// The raw message, as data may be a string or a binary, and is not copied.
fn checksum(message: Message) -> Result<Actions, BoxError> {
    let data = message.get("data").ok_or("argument data is missing")?;
    let data = data.as_bytes().ok_or("argument data is neither binary nor string")?;
    let crc32 = TypedData::Uint32(crc32fast::hash(data));
    Ok(Actions::new().set(LEN, data.len() as u64).set(CRC32, crc32))
}

fn scopes(_: Message) -> Result<Actions, BoxError> {
    Scope::ALL
        .into_iter()
        .try_fold(Actions::new(), |actions, scope| Ok(actions.set_var(scope, "v", true)?))
}

fn unset(message: Message) -> Result<Actions, BoxError> {
    match message.get("name") {
        Some(TypedData::String(name)) => {
            Ok(Actions::new().unset_var_unchecked(Scope::Transaction, name))
        }
        _ => Err("argument name is no string".into()),
    }
}

fn fail(_: Message) -> Result<Actions, BoxError> {
    Err("it was asked to fail".into())
}

fn panics(_: Message) -> Result<Actions, BoxError> {
    panic!("it was asked to panic")
}

async fn never(_: Message) -> Result<Actions, BoxError> {
    pending().await
}

/// An address in a string is another type to the contract, so the types are looked at here.
fn ip_reputation(message: Message) -> Result<Actions, BoxError> {
    let ip: IpAddr = match message.get("ip") {
        Some(TypedData::Ipv4(ip)) => ip.into(),
        Some(TypedData::Ipv6(ip)) => ip.into(),
        _ => return Err("argument ip is no address".into()),
    };
    let score = if ip.to_canonical().is_loopback() { 20 } else { 10 };
    Ok(Actions::new().set(SCORE, score))
}

#[derive(Deserialize)]
struct Size {
    n: u32,
}

fn big(size: Size) -> Result<Actions, BoxError> {
    if size.n > MAX_BIG {
        return Err(format!("argument n is above {MAX_BIG}").into());
    }
    let text = vec![b'x'; size.n.try_into()?];
    Ok(Actions::new().set(BIG, TypedData::String(&text)))
}
