//! A handler actor with state of its own: how often each address came decides its score.
//!
//! Run it with `cargo run -p spoa-examples --bin ip_reputation` and put HAProxy in front of it,
//! `haproxy -f examples/haproxy/ip_reputation.cfg`; then
//!
//! ```text
//! for i in $(seq 11); do curl -s 127.0.0.1:8080; done     ten times welcome, then slow down
//! curl --interface 127.0.0.2 127.0.0.1:8080               welcome: another address
//! ```
//!
//! Each arbiter has an instance of its own, so the state is a `RefCell` and there is no lock. Here is
//! one arbiter, so that its instance sees every request; each of several would count its own.

use std::{
    cell::RefCell, collections::HashMap, env, net::IpAddr, num::NonZero, rc::Rc, time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, HandlerActor, Origin, Registry, Route, Tasks, Var};

const SCORE: Var = Var::session("ip_score");
const IS_BROWSER: Var = Var::transaction("is_browser");

/// With more requests than this in a minute, an address is a nuisance.
const MANY: u32 = 10;
/// So many addresses are counted. Further ones are not, until the minute is over.
const MAX_ADDRESSES: usize = 100_000;

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
    /// Bytes, since a client may send any: one that could not be read would not be counted.
    #[serde(rename = "ua")]
    user_agent: Option<Bytes>,
}

#[derive(Default)]
struct IpReputation {
    seen: Rc<RefCell<HashMap<IpAddr, u32>>>,
}

#[async_trait(?Send)]
impl HandlerActor for IpReputation {
    type Args = Client;

    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let seen = Rc::clone(&self.seen);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(60)).await;
                seen.borrow_mut().clear();
            }
        });
        Ok(())
    }

    /// Behind a dual-stack bind an IPv4 client comes as `::ffff:192.0.2.1`: it is the same address.
    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        let score = self.score(client.ip.to_canonical());
        let is_browser = client.user_agent.is_some_and(|agent| agent.starts_with(b"Mozilla/"));
        Ok(Actions::new().set(SCORE, score).set(IS_BROWSER, is_browser))
    }
}

impl IpReputation {
    fn score(&self, ip: IpAddr) -> u32 {
        let mut seen = self.seen.borrow_mut();
        if seen.len() >= MAX_ADDRESSES && !seen.contains_key(&ip) {
            return 10;
        }
        let times = seen.entry(ip).or_default();
        *times += 1;
        if *times > MANY { 90 } else { 10 }
    }
}

/// Without an answer the request is treated as one of an unknown client.
fn registry() -> Registry {
    let unknown = Actions::new().set(SCORE, 50);
    let route =
        Route::new(IpReputation::default).fallback(unknown).deadline(Duration::from_millis(200));
    Registry::new().on("get-ip-reputation", route)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let agent = Agent::bind(address)?.arbiters(NonZero::<usize>::MIN);
    Ok(agent.serve(registry()).await?)
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::*;

    #[actix_rt::test]
    async fn an_address_that_comes_often_gets_a_bad_score() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        let message = || Message::new("get-ip-reputation").arg("ip", IpAddr::from([192, 0, 2, 7]));
        for _ in 0..MANY {
            let actions = haproxy.notify(message()).await?;
            assert_eq!(
                actions.to_string(),
                "set-var sess.ip_score 10, set-var txn.is_browser false"
            );
        }
        let actions = haproxy.notify(message().arg("ua", "Mozilla/5.0")).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 90, set-var txn.is_browser true");
        Ok(())
    }

    #[test]
    fn new_addresses_do_not_make_it_forget_the_old_ones() {
        let reputation = IpReputation::default();
        let addresses = (0..=MAX_ADDRESSES as u32).map(|n| IpAddr::from(n.to_be_bytes()));
        addresses.for_each(|ip| assert_eq!(reputation.score(ip), 10));
        let score_of_the_first = || reputation.score(IpAddr::from([0; 4]));
        assert!((1..MANY).all(|_| score_of_the_first() == 10));
        assert_eq!(score_of_the_first(), 90);
        assert_eq!(reputation.seen.borrow().len(), MAX_ADDRESSES);
    }

    #[actix_rt::test]
    async fn without_an_address_the_fallback_is_sent() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        let actions = haproxy.notify(Message::new("get-ip-reputation")).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 50");
        Ok(())
    }
}
