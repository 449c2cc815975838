//! Two engines in one frontend, one agent on TCP and one on a UNIX socket.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Agent, Registry, RunningAgent, Scope};
use spoa_integration::{
    Answer, Config, Endpoint, Engine, Haproxy, Load, Scratch, Version, on_every_haproxy,
};

use crate::scene::{self, ANSWER, SOON};

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// The unnamed arguments of the message, source and destination, are skipped.
#[derive(Deserialize)]
struct Request {
    ip: IpAddr,
    country: Option<String>,
    user_agent: Option<String>,
}

fn check_client_ip(client: Client) -> Result<Actions, ActionError> {
    let score = if client.ip.is_loopback() { 20 } else { 10 };
    Actions::new().set_var(Scope::Session, "ip_score", score)
}

fn log_request(request: Request) -> Result<Actions, ActionError> {
    let country = request.country.as_deref().unwrap_or("nowhere");
    let agent = request.user_agent.as_deref().unwrap_or("nobody");
    let text = format!("{agent} from {country} at {}", request.ip);
    Actions::new().set_var(Scope::Transaction, "my_var", &text)
}

fn registry() -> Registry {
    Registry::new().on("check-client-ip", check_client_ip).on("log-request", log_request)
}

/// As in the example of the crate `spop`, but for the timeout: 10 ms of processing is what a busy
/// machine may well take to wake HAProxy up, so that is kept for a test of its own.
fn engine(name: &str, agent: impl Into<Endpoint>, processing: Duration) -> Engine {
    let args = "ip=src country=hdr(CF-IPCountry) user_agent=hdr(User-Agent) src dst";
    Engine::new(name)
        .agent(agent)
        .spop_check()
        .agent_line("option continue-on-error")
        .agent_line("option set-on-error error")
        .timeout_processing(processing)
        .message("check-client-ip", "ip=src", "on-client-session")
        .message("log-request", args, "on-frontend-http-request")
}

/// What every response must show; the last two are the engines' errors.
const ANSWERED: [&str; 6] =
    ["20", "me from AQ at 127.0.0.1", "20", "me from AQ at 127.0.0.1", "", ""];

/// One agent on a free port and on a UNIX socket in `scratch`; HAProxy has checked both.
async fn serving(
    version: Version,
    scratch: &Scratch,
    processing: Duration,
) -> (Haproxy, RunningAgent) {
    let path = scratch.join("agent");
    let agent = Agent::bind("127.0.0.1:0").unwrap().listen_unix(&path, Some(0o600)).unwrap();
    let agent = agent.start(registry()).await.unwrap();
    let tcp = scene::endpoint(&agent);
    (asking(version, tcp, path, processing).await, agent)
}

async fn asking(
    version: Version,
    tcp: impl Into<Endpoint>,
    unix: impl Into<Endpoint>,
    processing: Duration,
) -> Haproxy {
    let config = Config::new(version)
        .engine(engine("socket", unix, processing))
        .engine(engine("tcp", tcp, processing))
        .frontend(ANSWER);
    let variables = ["socket", "tcp"]
        .map(|name| [format!("var(sess.{name}.ip_score)"), format!("var(txn.{name}.my_var)")]);
    let errors = ["socket", "tcp"].map(|name| format!("var(txn.{name}.error),add(0)"));
    let headers = [variables.concat(), errors.to_vec()].concat();
    let haproxy = scene::start(scene::showing(config, &headers)).await;
    for backend in ["socket-agents", "tcp-agents"] {
        assert!(haproxy.stats().check(backend, "agent1", "L7OK", SOON).await.unwrap().is_up());
    }
    haproxy
}

async fn ask(haproxy: &Haproxy) -> Vec<String> {
    let answer = haproxy.http().send(Method::GET, "/", |request| {
        request.header("cf-ipcountry", "AQ").header("user-agent", "me")
    });
    scene::shown(&answer.await.unwrap()).into_iter().map(str::to_owned).collect()
}

/// Asks on a connection of its own, so that the client's session begins with it too.
async fn ask_anew(haproxy: &Haproxy) -> Vec<String> {
    let answer = haproxy.http().send(Method::GET, "/", |request| {
        let request = request.header("cf-ipcountry", "AQ").header("user-agent", "me");
        request.header("connection", "close")
    });
    scene::shown(&answer.await.unwrap()).into_iter().map(str::to_owned).collect()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_an_engine_on_tcp_and_one_on_a_unix_socket_answer_every_request(
        version: Version
    ) {
        let scratch = Scratch::new().unwrap();
        let over_tcp = scene::agent(registry()).await;
        let path = scratch.join("agent");
        let over_unix = Agent::new().listen_unix(&path, None).unwrap();
        let over_unix = over_unix.start(registry()).await.unwrap();
        let haproxy = asking(version, scene::endpoint(&over_tcp), path, SOON).await;
        for requests in 1..=5 {
            assert_eq!(ask(&haproxy).await, ANSWERED);
            for agent in [&over_tcp, &over_unix] {
                let seen = agent.statistics().await;
                assert_eq!((seen.notifies, seen.acks), (2 * requests, 2 * requests));
            }
        }
    }
}

/// How many requests are judged, and how many of them are in time at the least. All are where seven
/// processes want each core; an agent that takes 11 ms for a message has none in time.
const JUDGED: usize = 100;
const ENOUGH: usize = 80;

// As in the original: 10 ms for each event of each engine.
on_every_haproxy! {
    #[actix_rt::test]
    async fn both_engines_are_answered_within_10_ms_as_a_rule_and_else_are_late(version: Version) {
        const LATE: &str = "1";
        let scratch = Scratch::new().unwrap();
        let (haproxy, agent) = serving(version, &scratch, Duration::from_millis(10)).await;
        let mut in_time = 0;
        for _ in 0..JUDGED {
            let shown = ask_anew(&haproxy).await;
            in_time += usize::from(shown == ANSWERED);
            let parts = shown.iter().zip(ANSWERED);
            let is_as_expected = parts.enumerate().all(|(place, (shown, answered))| {
                let absent = if place < 4 { "" } else { LATE };
                shown == answered || shown == absent
            });
            assert!(is_as_expected, "{shown:?}");
        }
        assert!(in_time >= ENOUGH, "{in_time} of {JUDGED} in time");
        assert!(agent.statistics().await.notifies >= 4 * in_time as u64);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn one_agent_answers_a_load_of_both_engines(version: Version) {
        let scratch = Scratch::new().unwrap();
        let (haproxy, agent) = serving(version, &scratch, SOON).await;
        let key = |answer: &Answer| scene::shown(answer).join("|");
        let tally = Load::counting(16, 300).run_by(haproxy.http(), key).await.unwrap();
        let each = "20|nobody from nowhere at 127.0.0.1";
        assert_eq!(tally.of(&format!("{each}|{each}||")), 300, "{tally:?}");
        let seen = agent.statistics().await;
        assert_eq!((seen.notifies, seen.acks, seen.notifies_in_flight), (1200, 1200, 0));
    }
}
