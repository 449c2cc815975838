//! The three agents of nbari/spop's examples in one, for the same HAProxy files: engine `test` on port
//! 12345, engine `test-socket` on a UNIX socket, engine `args` on port 12346.
//!
//! Run it with `cargo run -p spoa-examples --bin like_spop`, and put HAProxy in front of it:
//! `haproxy -f examples/peers/spop/haproxy.cfg`. Then `curl -i 127.0.0.1:5000 -H 'cf-ipcountry: de'` shows
//! the engines' answers in headers, and the agent prints what it was told. HAProxy waits ten
//! milliseconds and goes on without an answer then. Behind `--` the program takes an address, the path of
//! the socket, and another address: `127.0.0.1:12345 /tmp/spoa.sock 127.0.0.1:12346` is what it does without.

use std::{env, net::IpAddr, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Message, Registry, Route, TypedData, Var};

const SCORE: Var = Var::session("ip_score");
const SUMMARY: Var = Var::transaction("summary");

/// Below HAProxy's ten milliseconds.
const DEADLINE: Duration = Duration::from_millis(8);

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// HAProxy rejects what is below 20.
fn score(client: Client) -> Actions {
    let score = if client.ip.to_canonical().is_loopback() { 99 } else { 20 };
    Actions::new().set(SCORE, score)
}

/// Source and destination have no name, and older files do not send them; the oldest sends nothing.
#[derive(Debug, Deserialize)]
struct Request {
    ip: Option<IpAddr>,
    country: Option<Bytes>,
    user_agent: Option<Bytes>,
    #[serde(rename = "", default)]
    unnamed: Vec<IpAddr>,
}

const MY_VAR: Var = Var::transaction("my_var");

fn log(request: Request) -> Actions {
    let Request { ip, country, user_agent, unnamed } = request;
    // As spop does, replace bytes that are not UTF-8.
    let [country, user_agent] =
        [&country, &user_agent].map(|text| text.as_deref().map(String::from_utf8_lossy));
    println!("{ip:?} from {country:?} with {user_agent:?}; source and destination: {unnamed:?}");
    Actions::new().set(MY_VAR, "tequila")
}

/// Tells how its arguments arrived: unnamed, repeated, and with a name that is not UTF-8.
fn echo(message: Message) -> Actions {
    let first = |name: &[u8]| message.get(name).map_or("missing".to_owned(), shown);
    let all = message.args().map(|arg| {
        let name = String::from_utf8_lossy(arg.name);
        format!("{}:{}", name.escape_default(), shown(arg.value))
    });
    let unnamed = message.args().filter(|arg| arg.name.is_empty()).map(|arg| shown(arg.value));
    let summary = format!(
        "answer={} country={} lossy={} unnamed={} all={}",
        first(b"answer"),
        first(b"country"),
        first(b"bad\xff"),
        unnamed.collect::<Vec<_>>().join(","),
        all.collect::<Vec<_>>().join(",")
    );
    Actions::new().set(SUMMARY, summary.as_str())
}

fn shown(value: TypedData<'_>) -> String {
    match value {
        TypedData::String(text) => String::from_utf8_lossy(text).into_owned(),
        TypedData::Binary(bytes) => format!("{} bytes", bytes.len()),
        other => other.to_string(),
    }
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let socket = arguments.next().unwrap_or_else(|| "/tmp/spoa.sock".to_owned());
    let other = arguments.next().unwrap_or_else(|| "127.0.0.1:12346".to_owned());
    let registry = Registry::new()
        .on("check-client-ip", Route::new(score).deadline(DEADLINE))
        .on("log-request", Route::new(log).deadline(DEADLINE))
        .on("echo-args", Route::new(echo).deadline(DEADLINE));
    // For all of this machine, as theirs is: the HAProxy of their container is a user of its own. Where
    // you can give the two a group in common, 0o660 is enough.
    Agent::bind(address)?.listen_unix(socket, Some(0o666))?.listen(other)?.serve(registry).await
}
