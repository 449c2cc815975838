//! Reloads of handlers that the whole agent shares, on several arbiters.

use std::{
    net::SocketAddr,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use spoa_actors::{
    Agent, HandlerActor, Message, Origin, Registry, Route, RunningAgent,
    testing::{FakeHaproxy, hello},
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Answered, Result, lives::Lives, variable};

const ARBITERS: usize = 3;

/// What happened to the instances of a test.
#[derive(Default)]
struct Seen {
    made: AtomicI64,
    stopped: AtomicUsize,
    dropped: AtomicUsize,
    /// How long the end of one takes, in milliseconds.
    lasts: AtomicUsize,
}

/// Answers with the number of its instance and of the call.
struct Shared {
    instance: i64,
    calls: AtomicI64,
    seen: Arc<Seen>,
}

#[async_trait(?Send)]
impl HandlerActor for Shared {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Answered {
        let mut actions = variable("instance", self.instance);
        actions.append(variable("call", self.calls.fetch_add(1, SeqCst) + 1));
        Ok(actions)
    }

    async fn stopping(&self) {
        self.seen.stopped.fetch_add(1, SeqCst);
        sleep(Duration::from_millis(self.seen.lasts.load(SeqCst) as u64)).await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.seen.dropped.fetch_add(1, SeqCst);
    }
}

impl Seen {
    fn route(self: &Arc<Self>) -> Route {
        let seen = Arc::clone(self);
        Route::shared(move || {
            let instance = seen.made.fetch_add(1, SeqCst) + 1;
            Shared { instance, calls: AtomicI64::new(0), seen: Arc::clone(&seen) }
        })
    }

    /// How many were made, were stopped, and are gone.
    fn counts(&self) -> (i64, usize, usize) {
        (self.made.load(SeqCst), self.stopped.load(SeqCst), self.dropped.load(SeqCst))
    }
}

async fn start(registry: Registry) -> RunningAgent {
    let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::new(ARBITERS).unwrap());
    agent.start(registry).await.unwrap()
}

/// A connection to each arbiter: they get them in turn.
async fn connect(address: SocketAddr) -> Result<Vec<FakeHaproxy<TcpStream>>> {
    let mut all = Vec::new();
    for _ in 0..ARBITERS {
        let mut haproxy = FakeHaproxy::new(TcpStream::connect(address).await?);
        haproxy.hello(hello()).await?;
        all.push(haproxy);
    }
    Ok(all)
}

/// Asks every arbiter: one after the other, the same instance answers.
async fn answers(all: &mut [FakeHaproxy<TcpStream>], instance: i64, first: i64) -> Result {
    for (call, haproxy) in (first..).zip(all) {
        let answer = haproxy.notify(Message::new("a")).await?.to_string();
        assert_eq!(answer, format!("set-var txn.instance {instance}, set-var txn.call {call}"));
    }
    Ok(())
}

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("it comes to be so");
}

#[actix_rt::test]
async fn a_shared_handler_is_taken_over_by_all_arbiters_and_stops_once_when_it_is_replaced()
-> Result {
    let [old, new] = [(); 2].map(|()| Arc::<Seen>::default());
    let route = old.route();
    let running = start(Registry::new().on("a", route.clone())).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    answers(&mut all, 1, 1).await?;
    let deadline = route.clone().deadline(Duration::from_millis(700));
    running.reload(Registry::new().on("a", deadline)).await.unwrap();
    answers(&mut all, 1, 4).await?;
    // Under another name as well: it is the one of the factory.
    running.reload(Registry::new().on("a", route.clone()).on("b", route)).await.unwrap();
    answers(&mut all, 1, 7).await?;
    assert_eq!(old.counts(), (1, 0, 0));
    running.reload(Registry::new().on("a", new.route())).await.unwrap();
    answers(&mut all, 1, 1).await?;
    until(|| old.counts() == (1, 1, 1)).await;
    assert_eq!(new.counts(), (1, 0, 0));
    running.stop().await;
    until(|| new.counts() == (1, 1, 1)).await;
    Ok(())
}

#[actix_rt::test]
async fn a_shared_handler_goes_on_behind_another_layer() -> Result {
    let seen = Arc::<Seen>::default();
    let registry = Registry::new().on("a", seen.route());
    let running = start(registry.clone()).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    answers(&mut all, 1, 1).await?;
    let timeout = || spoa_actors::layers::Timeout::after(Duration::from_millis(900));
    running.reload(registry.layer(timeout)).await.unwrap();
    answers(&mut all, 1, 4).await?;
    running.reload(Registry::new()).await.unwrap();
    until(|| seen.counts() == (1, 1, 1)).await;
    running.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_shared_handler_that_is_stopping_answers_nobody_any_more() -> Result {
    let seen = Arc::<Seen>::default();
    seen.lasts.store(300, SeqCst);
    let registry = Registry::new().on("a", seen.route());
    let running = start(registry.clone()).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    for instance in 1..=5 {
        answers(&mut all, instance, 1).await?;
        running.reload(Registry::new().on("b", Lives::default().route(1))).await.unwrap();
        until(|| seen.counts().1 == instance as usize).await;
        // The route is back while the handler stops: it is another one.
        running.reload(registry.clone()).await.unwrap();
    }
    answers(&mut all, 6, 1).await?;
    until(|| seen.counts() == (6, 5, 5)).await;
    running.stop().await;
    assert_eq!(seen.counts(), (6, 6, 6));
    Ok(())
}
