//! The request and the response of one transaction, related in two ways.
//!
//! HAProxy sends `see-request` for the request, and `see-response` for the response. It stores the
//! answer to the first one in `txn.pair.ticket`, and passes it with the second one. So each
//! response is matched with its request, whichever agent it goes to. Failed logins per client are
//! counted in the memory of this agent: another agent, or this one after a restart, does not know
//! them.
//!
//! Run it with `cargo run -p spoa-examples --bin request_response` and put HAProxy in front of it
//! and of a server on port 8000, `haproxy -f examples/haproxy/request_response.cfg`; then
//!
//! ```text
//! python3 -m http.server --bind 127.0.0.1 8000 &
//! curl -i 127.0.0.1:8080/nothing      x-told: /nothing was answered with 404
//! ```
//!
//! After ten answers with status 401 within a minute, a client gets 429 until the minute is over.

use std::{
    collections::HashMap,
    env,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, AgentError, Registry, TypedData, Var};

const TICKET: Var = Var::transaction("ticket");
const BLOCKED: Var = Var::transaction("blocked");
const TOLD: Var = Var::transaction("told");

/// With as many failures in a minute, a client guesses.
const MANY: u32 = 10;
/// So many clients are counted. Further ones are not, until the minute is over.
const MAX_CLIENTS: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);
/// So much of a path is kept: what HAProxy holds for a transaction, every transaction pays for.
const MAX_TICKET: usize = 200;

#[derive(Deserialize)]
struct Request {
    ip: IpAddr,
    path: Bytes,
}

#[derive(Deserialize)]
struct Response {
    ip: IpAddr,
    /// None if nobody has answered for the request.
    ticket: Option<Bytes>,
    status: u16,
}

/// Who has failed to log in, for all worker threads of this agent.
struct Failures {
    since: Instant,
    of: HashMap<IpAddr, u32>,
}

impl Failures {
    fn new() -> Self {
        Self { since: Instant::now(), of: HashMap::new() }
    }

    fn of(&mut self, ip: IpAddr) -> u32 {
        if self.since.elapsed() > MINUTE {
            *self = Self::new();
        }
        self.of.get(&ip.to_canonical()).copied().unwrap_or_default()
    }

    fn count(&mut self, ip: IpAddr) {
        let failures = self.of(ip) + 1;
        if failures > 1 || self.of.len() < MAX_CLIENTS {
            self.of.insert(ip.to_canonical(), failures);
        }
    }
}

fn registry() -> Registry {
    let failures = Arc::new(Mutex::new(Failures::new()));
    let known = Arc::clone(&failures);
    let see_request = move |request: Request| {
        let is_blocked =
            known.lock().unwrap_or_else(PoisonError::into_inner).of(request.ip) >= MANY;
        let ticket = request.path.get(..MAX_TICKET).unwrap_or(&request.path);
        Actions::new().set(TICKET, TypedData::String(ticket)).set(BLOCKED, is_blocked)
    };
    let see_response = move |response: Response| {
        if response.status == 401 {
            failures.lock().unwrap_or_else(PoisonError::into_inner).count(response.ip);
        }
        let ticket = response.ticket.ok_or("the response has no ticket")?;
        let told = format!("{} was answered with {}", ticket.escape_ascii(), response.status);
        Ok::<_, &str>(Actions::new().set(TOLD, told))
    };
    Registry::new().on("see-request", see_request).on("see-response", see_response)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    Agent::bind(address)?.serve(registry()).await
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn response(status: u16) -> Message {
        Message::new("see-response").arg("ip", CLIENT).arg("ticket", "/a").arg("status", status)
    }

    #[actix_rt::test]
    async fn a_client_that_fails_often_is_blocked() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        let request = || Message::new("see-request").arg("ip", CLIENT).arg("path", "/a");
        let verdict = |blocked| format!("set-var txn.ticket \"/a\", set-var txn.blocked {blocked}");
        for _ in 0..MANY {
            assert_eq!(haproxy.notify(request()).await?.to_string(), verdict(false));
            let actions = haproxy.notify(response(401)).await?;
            assert_eq!(actions.to_string(), "set-var txn.told \"/a was answered with 401\"");
        }
        assert_eq!(haproxy.notify(request()).await?.to_string(), verdict(true));
        Ok(())
    }

    #[test]
    fn new_clients_do_not_make_it_forget_the_old_ones() {
        let mut failures = Failures::new();
        for number in 0..=MAX_CLIENTS as u32 {
            failures.count(IpAddr::from(number.to_be_bytes()));
        }
        assert_eq!(failures.of.len(), MAX_CLIENTS);
        failures.count(IpAddr::from([0; 4]));
        assert_eq!(failures.of(IpAddr::from([0; 4])), 2);
    }
}
