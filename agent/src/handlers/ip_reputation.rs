//! IP reputation: a score for the address of a client.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{Actions, BoxError, HandlerActor, Origin, Var};

const SCORE: Var = Var::session("ip_score");

const LOOPBACK_SCORE: u32 = 20;
const OTHER_SCORE: u32 = 10;

/// Sets `sess.ip_score`: 20 for a loopback address, 10 for any other.
#[derive(Debug, Default)]
pub(super) struct IpReputation;

/// The arguments of the message.
#[derive(Debug, Deserialize)]
pub(super) struct Client {
    ip: IpAddr,
}

#[async_trait(?Send)]
impl HandlerActor for IpReputation {
    type Args = Client;

    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        Ok(Actions::new().set(SCORE, score(client.ip)))
    }
}

fn score(ip: IpAddr) -> u32 {
    // A socket for both families shows IPv4 clients as ::ffff:a.b.c.d.
    if ip.to_canonical().is_loopback() { LOOPBACK_SCORE } else { OTHER_SCORE }
}

#[cfg(test)]
mod tests {
    use spoa_actors::{Message, TypedData, testing::FakeHaproxy};

    use super::*;
    use crate::handlers;

    #[test]
    fn loopback_scores_20_and_all_else_10() {
        for (ip, expected) in [
            ("127.0.0.1", 20),
            ("127.1.2.3", 20),
            ("::1", 20),
            ("::ffff:127.0.0.1", 20),
            ("192.0.2.1", 10),
            ("2001:db8::1", 10),
            ("0.0.0.0", 10),
        ] {
            assert_eq!(score(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[actix_rt::test]
    async fn both_messages_are_answered() {
        let mut haproxy = FakeHaproxy::start(handlers::registry()).await.unwrap();
        let ip: IpAddr = "127.0.0.1".parse().unwrap();
        for name in ["check-client-ip", "get-ip-reputation"] {
            let actions = haproxy.notify(Message::new(name).arg("ip", ip)).await;
            assert_eq!(actions.unwrap().to_string(), "set-var sess.ip_score 20");
        }
    }

    #[actix_rt::test]
    async fn without_an_address_there_is_no_score() {
        let mut haproxy = FakeHaproxy::start(handlers::registry()).await.unwrap();
        let message = Message::new("check-client-ip").arg("ip", TypedData::Null);
        assert!(haproxy.notify(message).await.unwrap().is_empty());
    }
}
