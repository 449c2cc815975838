//! Raw actix actors on a route: how they come back, and what waits in their mailboxes.

use std::{cell::Cell, time::Duration};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, WrapFuture};
use spoa_actors::{MailboxCall, Route};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::support::{
    Answered, FALLBACK, Result,
    numbered::{Numbered, agent, answer, ask, instance},
    variable,
};

/// A raw actor with a number.
struct Raw(i64);

impl Raw {
    fn start_next() -> Addr<Self> {
        Self(Numbered::new().0).start()
    }
}

impl Actor for Raw {
    type Context = Context<Self>;
}

impl actix::Handler<MailboxCall> for Raw {
    type Result = Answered;

    fn handle(&mut self, call: MailboxCall, _: &mut Context<Self>) -> Answered {
        assert!(call.message().get("panic").is_none(), "as asked");
        Ok(variable("instance", self.0))
    }
}

#[actix_rt::test]
async fn a_raw_actor_that_panics_is_restarted_from_its_factory() -> Result {
    tokio::time::pause();
    let agent = agent(Route::actor(Raw::start_next).fallback(variable("fallback", -1))).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    assert_eq!(agent.statistics().await.messages.actor_stopped, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_raw_actor_that_has_answered_is_restarted_however_often_it_panics() -> Result {
    tokio::time::pause();
    let route = Route::actor(Raw::start_next).fallback(variable("fallback", -1));
    let agent = agent(route.restarts(0, Duration::from_secs(10))).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for number in 1..=50 {
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(number));
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    }
    assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.actor_stopped, 50);
    Ok(())
}

/// Answers as the first of its kind; all others stop as they start.
struct Leaving(Raw);

impl Actor for Leaving {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if self.0.0 > 1 {
            ctx.stop();
        }
    }
}

impl actix::Handler<MailboxCall> for Leaving {
    type Result = Answered;

    fn handle(&mut self, call: MailboxCall, _: &mut Context<Self>) -> Answered {
        assert!(call.message().get("panic").is_none(), "as asked");
        Ok(variable("instance", self.0.0))
    }
}

#[actix_rt::test]
async fn a_raw_actor_that_stops_as_it_starts_is_not_made_again_for_each_request() -> Result {
    tokio::time::pause();
    let route = Route::actor(|| Leaving(Raw(Numbered::new().0)).start());
    let agent = agent(route.fallback(variable("fallback", -1))).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    }
    // The delays grow to 250 ms, half of it at least.
    assert!(asked.elapsed() > Duration::from_secs(10), "{:?}", asked.elapsed());
    let seen = agent.statistics().await;
    assert!((100..=101).contains(&seen.handler_restarts), "{}", seen.handler_restarts);
    Ok(())
}

/// A raw actor that takes no message until it is let go.
struct Stuck(Option<oneshot::Receiver<()>>);

impl Actor for Stuck {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let free = self.0.take();
        let wait = async {
            if let Some(free) = free {
                // Whether it is told or forgotten, it is free.
                let _ = free.await;
            }
        };
        ctx.wait(wait.into_actor(self));
    }
}

impl actix::Handler<MailboxCall> for Stuck {
    type Result = Answered;

    fn handle(&mut self, _: MailboxCall, _: &mut Context<Self>) -> Answered {
        TAKEN.set(TAKEN.get() + 1);
        Ok(variable("free", 1))
    }
}

thread_local! {
    static LET_GO: Cell<Option<oneshot::Sender<()>>> = const { Cell::new(None) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

fn stuck() -> Route {
    let route = Route::actor(|| {
        let (let_go, free) = oneshot::channel();
        LET_GO.set(Some(let_go));
        Stuck(Some(free)).start()
    });
    route.fallback(variable("fallback", -1))
}

#[actix_rt::test]
async fn a_raw_actor_that_is_stuck_keeps_no_more_calls_than_its_route_has_room_for() -> Result {
    tokio::time::pause();
    let agent = agent(stuck().concurrency(4)).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..4 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    }
    let asked = Instant::now();
    for _ in 0..1000 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    }
    assert_eq!(asked.elapsed(), Duration::ZERO, "nobody waits for it");
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.deadline_exceeded, outcomes.route_full), (4, 1000));

    LET_GO.take().unwrap().send(()).unwrap();
    sleep(Duration::from_millis(1)).await;
    for _ in 0..10 {
        assert_eq!(answer(&mut haproxy, ask()).await?, "set-var txn.free 1");
    }
    assert_eq!(TAKEN.get(), 10, "what was late in the mailbox is not delivered");
    assert_eq!(agent.statistics().await.handler_restarts, 0);
    Ok(())
}

/// A mailbox has room for 16; the others find their way too.
#[actix_rt::test]
async fn all_calls_that_a_route_has_room_for_reach_a_raw_actor_that_was_busy() -> Result {
    tokio::time::pause();
    let agent = agent(stuck()).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..256 {
        haproxy.send_notify(ask()).await?;
    }
    sleep(Duration::from_millis(500)).await;
    LET_GO.take().unwrap().send(()).unwrap();
    for _ in 0..256 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.free 1");
    }
    assert_eq!(agent.statistics().await.messages.answered, 256);
    Ok(())
}
