//! Raw actix actors behind a route: messages through a mailbox.

use actix::{Actor, ActorContext, Context, Handler};
use spoa_actors::{Actions, BoxError, MailboxCall, Registry, Route, Scope, TypedData};
use spoa_integration::{Answer, Load, on_every_haproxy};

use crate::scene::{self, REQUEST, endpoint, engine, error, shown};

/// Counts its messages, and stops over the one that says so.
#[derive(Default)]
struct Counter(i64);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Handler<MailboxCall> for Counter {
    type Result = Result<Actions, BoxError>;

    fn handle(&mut self, call: MailboxCall, ctx: &mut Context<Self>) -> Self::Result {
        let message = call.message();
        if message.get("path") == Some(TypedData::String(b"/stop")) {
            ctx.stop();
        }
        self.0 += 1;
        Ok(Actions::new().set_var(Scope::Transaction, "count", self.0)?)
    }
}

fn registry() -> Registry {
    let fallback = Actions::new().set_var(Scope::Transaction, "count", "gone").unwrap();
    Registry::new().on("count", Route::actor(|| Counter::default().start()).fallback(fallback))
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_actor_counts_every_message_once(version: Version) {
        let agent = scene::agent(registry()).await;
        let engine = engine(endpoint(&agent)).message("count", "path=path", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.count)"]).await;
        let key = |answer: &Answer| shown(answer)[0].to_owned();
        let tally = Load::counting(16, 300).run_by(haproxy.http(), key).await.unwrap();
        assert_eq!(tally.counts.len(), 300, "each number once: {tally:?}");
        assert_eq!(shown(&haproxy.http().get("/").await.unwrap()), ["301"]);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_actor_that_has_stopped_leaves_its_fallback_once_and_another_takes_its_place(version: Version) {
        let agent = scene::agent(registry()).await;
        let engine = engine(endpoint(&agent)).message("count", "path=path", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.count)"]).await;
        assert_eq!(shown(&haproxy.http().get("/stop").await.unwrap()), ["1"]);
        for expected in ["gone", "1", "2"] {
            let answer = haproxy.http().get("/").await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec![expected], ""));
        }
        let seen = agent.statistics().await;
        assert_eq!((seen.messages.actor_stopped, seen.handler_restarts), (1, 1));
    }
}
