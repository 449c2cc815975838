//! A raw actix actor: messages wait in its mailbox, and are answered strictly in order.
//!
//! Use it for strict order, for state that is held exclusively across awaits, or for an actor on
//! another thread. One actor serves all arbiters here: it numbers the requests, and is replaced
//! after a panic. Run it with `cargo run -p spoa-examples --bin raw_actor`, then a few times
//!
//! ```text
//! cargo run -p spoa-agent -- call number-request
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/raw_actor.cfg`.

use std::{
    env,
    sync::{Mutex, PoisonError},
};

use actix::{Actor, Addr, Context, Handler};
use spoa_actors::{Actions, Agent, AgentError, BoxError, MailboxCall, Registry, Var};

const NUMBER: Var = Var::transaction("number");
const PEER: Var = Var::transaction("peer");

#[derive(Default)]
struct Counter {
    requests: u64,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // As many calls as may wait here before the senders are made to; 16 without this.
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<MailboxCall> for Counter {
    type Result = Result<Actions, BoxError>;

    fn handle(&mut self, call: MailboxCall, _: &mut Self::Context) -> Self::Result {
        self.requests += 1;
        let peer = call.origin().peer_address().to_string();
        Ok(Actions::new().set(NUMBER, self.requests).set(PEER, peer))
    }
}

/// A factory of one actor for all arbiters. It is asked by each of them, and again when the actor has
/// panicked: the first that asks then starts another, as the address of the old one is dead for ever.
fn shared<A: Actor>(start: impl Fn() -> Addr<A>) -> impl Fn() -> Addr<A> {
    let shared = Mutex::new(None::<Addr<A>>);
    move || {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = shared.take().filter(Addr::connected);
        shared.insert(alive.unwrap_or_else(&start)).clone()
    }
}

fn registry() -> Registry {
    Registry::new().on_actor("number-request", shared(|| Counter::default().start()))
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

    #[actix_rt::test]
    async fn requests_are_numbered_in_their_order() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        for number in 1..=3 {
            let actions = haproxy.notify(Message::new("number-request")).await?;
            let expected = format!("set-var txn.number {number}, set-var txn.peer \"memory\"");
            assert_eq!(actions.to_string(), expected);
        }
        Ok(())
    }

    /// Panics over every second call.
    #[derive(Default)]
    struct Fragile {
        calls: u64,
    }

    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    impl Handler<MailboxCall> for Fragile {
        type Result = Result<Actions, BoxError>;

        fn handle(&mut self, _: MailboxCall, _: &mut Self::Context) -> Self::Result {
            self.calls += 1;
            assert_eq!(self.calls, 1, "as it has to");
            Ok(Actions::new().set(NUMBER, self.calls))
        }
    }

    #[actix_rt::test]
    async fn an_actor_that_has_panicked_is_replaced() -> Result<(), ClientError> {
        let factory = shared(|| Fragile::default().start());
        let mut haproxy = FakeHaproxy::start(Registry::new().on_actor("ask", factory)).await?;
        for expected in ["set-var txn.number 1", "", "set-var txn.number 1", ""] {
            let actions = haproxy.notify(Message::new("ask")).await?;
            assert_eq!(actions.to_string(), expected);
        }
        Ok(())
    }

    #[actix_rt::test]
    async fn there_is_one_actor_for_all() {
        let factory = shared(|| Counter::default().start());
        assert_eq!(factory(), factory());
    }
}
