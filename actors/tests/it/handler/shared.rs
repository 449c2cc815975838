//! Shared handlers: one for the whole agent, whatever arbiter calls it.

use std::{
    num::NonZero,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    Agent, BoxError, HandlerActor, Message, Origin, ReadyHandler, Registry, Route, RunningAgent,
    Tasks, observe::Statistics, testing::FakeHaproxy,
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Answered, Result, Started, variable};

const ARBITERS: usize = 3;

/// What happened to the instances of a test.
#[derive(Default)]
struct Seen {
    made: AtomicI64,
    started: AtomicUsize,
    stopped: AtomicUsize,
    dropped: AtomicUsize,
    tasks: AtomicUsize,
    tasks_ended: AtomicUsize,
    callers: Mutex<Vec<ThreadId>>,
}

/// Answers with the number of its instance and of the call.
struct Shared {
    instance: i64,
    calls: AtomicI64,
    seen: Arc<Seen>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wish {
    panic: bool,
    ms: u64,
}

impl Shared {
    fn new(seen: &Arc<Seen>) -> Self {
        let instance = seen.made.fetch_add(1, SeqCst) + 1;
        Self { instance, calls: AtomicI64::new(0), seen: Arc::clone(seen) }
    }

    fn start(&self, tasks: &Tasks) {
        self.seen.started.fetch_add(1, SeqCst);
        let seen = Arc::clone(&self.seen);
        tasks.spawn(async move {
            let ends = Ends(Arc::clone(&seen));
            seen.tasks.fetch_add(1, SeqCst);
            std::future::pending::<()>().await;
            drop(ends);
        });
    }

    fn answer(&self, wish: &Wish) -> Answered {
        let mut callers = self.seen.callers.lock().unwrap();
        callers.push(thread::current().id());
        drop(callers);
        assert!(!wish.panic, "as asked");
        let mut actions = variable("instance", self.instance);
        actions.append(variable("call", self.calls.fetch_add(1, SeqCst) + 1));
        Ok(actions)
    }
}

struct Ends(Arc<Seen>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.tasks_ended.fetch_add(1, SeqCst);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.seen.dropped.fetch_add(1, SeqCst);
    }
}

impl ReadyHandler for Shared {
    type Args<'a> = Wish;

    fn started(&self, tasks: &Tasks) -> Started {
        self.start(tasks);
        Ok(())
    }

    fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        self.answer(&wish)
    }
}

/// The same as an actor.
struct SharedActor(Shared);

#[async_trait(?Send)]
impl HandlerActor for SharedActor {
    type Args = Wish;

    async fn started(&self, tasks: &Tasks) -> Started {
        // The others have to wait for it.
        sleep(Duration::from_millis(50)).await;
        self.0.start(tasks);
        Ok(())
    }

    async fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        let answer = self.0.answer(&wish);
        sleep(Duration::from_millis(wish.ms)).await;
        answer
    }

    async fn stopping(&self) {
        self.0.seen.stopped.fetch_add(1, SeqCst);
    }
}

fn ready(seen: &Arc<Seen>) -> Route {
    let seen = Arc::clone(seen);
    Route::shared(move || Shared::new(&seen)).fallback(variable("fallback", -1))
}

fn actor(seen: &Arc<Seen>) -> Route {
    let seen = Arc::clone(seen);
    let factory = move || {
        let seen = Arc::clone(&seen);
        async move { SharedActor(Shared::new(&seen)) }
    };
    Route::shared(factory).fallback(variable("fallback", -1))
}

async fn start(route: Route) -> RunningAgent {
    let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::new(ARBITERS).unwrap());
    agent.start(Registry::new().on("m", route)).await.unwrap()
}

/// A connection to each arbiter: they get them in turn.
async fn connections(agent: &RunningAgent) -> Result<Vec<FakeHaproxy<TcpStream>>> {
    let mut connections = Vec::new();
    for _ in 0..ARBITERS {
        let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
        connections.push(FakeHaproxy::over(stream).await?);
    }
    Ok(connections)
}

async fn ask(haproxy: &mut FakeHaproxy<TcpStream>) -> Result<String> {
    Ok(haproxy.notify(Message::new("m")).await?.to_string())
}

/// Long enough for a busy machine; only a failing test waits for so long.
const SOON: Duration = Duration::from_secs(20);

async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(SOON, holds).await.expect("it holds soon");
}

/// Asks until the second instance answers: until its arbiter has heard of it, the last one does.
async fn until_the_second(haproxy: &mut FakeHaproxy<TcpStream>) -> Result {
    let answers = async {
        while !ask(haproxy).await?.starts_with("set-var txn.instance 2,") {}
        Ok(())
    };
    timeout(SOON, answers).await.expect("there is a second instance soon")
}

async fn one_counts_for_all(route: Route, seen: &Seen) -> Result<Statistics> {
    let agent = start(route).await;
    let mut connections = connections(&agent).await?;
    for call in 1..=3 * ARBITERS {
        let answer = ask(&mut connections[call % ARBITERS]).await?;
        assert_eq!(answer, format!("set-var txn.instance 1, set-var txn.call {call}"));
    }
    let mut callers = seen.callers.lock().unwrap().clone();
    callers.sort_unstable_by_key(|id| format!("{id:?}"));
    callers.dedup();
    assert_eq!(callers.len(), ARBITERS, "it is called on its caller's arbiter");
    until(|| seen.tasks.load(SeqCst) == 1).await;
    assert_eq!((seen.made.load(SeqCst), seen.started.load(SeqCst)), (1, 1));
    assert_eq!((seen.dropped.load(SeqCst), seen.tasks_ended.load(SeqCst)), (0, 0));
    drop(connections);
    let statistics = agent.stop().await;
    until(|| seen.dropped.load(SeqCst) == 1 && seen.tasks_ended.load(SeqCst) == 1).await;
    Ok(statistics)
}

#[actix_rt::test]
async fn one_ready_handler_answers_on_every_arbiter_and_ends_with_the_last() -> Result {
    let seen = Arc::new(Seen::default());
    one_counts_for_all(ready(&seen), &seen).await?;
    Ok(())
}

#[actix_rt::test]
async fn one_actor_answers_on_every_arbiter_and_stops_once() -> Result {
    let seen = Arc::new(Seen::default());
    one_counts_for_all(actor(&seen), &seen).await?;
    assert_eq!(seen.stopped.load(SeqCst), 1);
    Ok(())
}

async fn a_panic_makes_one_for_all(route: Route, seen: &Seen) -> Result {
    let agent = start(route).await;
    let mut connections = connections(&agent).await?;
    for haproxy in &mut connections {
        ask(haproxy).await?;
    }
    let panics = Message::new("m").arg("panic", true);
    assert_eq!(connections[1].notify(panics).await?, variable("fallback", -1));
    for haproxy in &mut connections {
        until_the_second(haproxy).await?;
    }
    until(|| seen.dropped.load(SeqCst) == 1 && seen.tasks_ended.load(SeqCst) == 1).await;
    assert_eq!((seen.made.load(SeqCst), seen.started.load(SeqCst)), (2, 2));
    let statistics = agent.stop().await;
    let route = &statistics.routes[0];
    assert_eq!((route.restarts, route.background_panics), (1, 0), "on one arbiter alone");
    until(|| seen.dropped.load(SeqCst) == 2 && seen.tasks_ended.load(SeqCst) == 2).await;
    Ok(())
}

#[actix_rt::test]
async fn a_ready_handler_that_panics_on_one_arbiter_is_a_new_one_on_all() -> Result {
    let seen = Arc::new(Seen::default());
    a_panic_makes_one_for_all(ready(&seen), &seen).await
}

#[actix_rt::test]
async fn an_actor_that_panics_on_one_arbiter_is_a_new_one_on_all() -> Result {
    let seen = Arc::new(Seen::default());
    a_panic_makes_one_for_all(actor(&seen), &seen).await?;
    assert_eq!(seen.stopped.load(SeqCst), 1, "not the one that has panicked");
    Ok(())
}

#[actix_rt::test]
async fn a_call_that_waits_ends_with_the_instance_that_it_was_made_on() -> Result {
    let seen = Arc::new(Seen::default());
    let agent = start(actor(&seen)).await;
    let mut connections = connections(&agent).await?;
    let slow = Message::new("m").arg("ms", 300);
    connections[0].send_notify(slow).await?;
    until(|| !seen.callers.lock().unwrap().is_empty()).await;
    connections[1].notify(Message::new("m").arg("panic", true)).await?;
    until_the_second(&mut connections[2]).await?;
    let answer = connections[0].ack().await?.actions.to_string();
    assert_eq!(answer, "set-var txn.instance 1, set-var txn.call 1");
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_route_that_is_registered_twice_has_one_shared_handler() -> Result {
    let seen = Arc::new(Seen::default());
    let route = ready(&seen);
    let registry = Registry::new().on("m", route.clone()).on("n", route);
    let agent = Agent::bind("127.0.0.1:0").unwrap().start(registry).await.unwrap();
    let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    ask(&mut haproxy).await?;
    let answer = haproxy.notify(Message::new("n")).await?.to_string();
    assert_eq!(answer, "set-var txn.instance 1, set-var txn.call 2");
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_factory_that_fails_is_a_start_that_fails_with_its_error() {
    let none = || Err::<Shared, _>("the database is away");
    let later = async || Err::<SharedActor, BoxError>("the database is away".into());
    let one = NonZero::new(1).unwrap();
    for route in [
        Route::shared(none),
        Route::shared(later),
        Route::new(later),
        Route::new(|| Err::<SharedActor, _>("the database is away")),
        Route::ready(none),
        Route::ready(async || Err::<Shared, _>("the database is away")),
        Route::blocking(one, || Err::<Blocking, _>("the database is away")),
    ] {
        let agent = Agent::bind("127.0.0.1:0").unwrap();
        let error = agent.start(Registry::new().on("m", route)).await.unwrap_err();
        let text = "the handler of message \"m\" could not start: the database is away";
        assert_eq!(error.to_string(), text);
    }
}

struct Blocking;

impl spoa_actors::BlockingHandler for Blocking {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Answered {
        Ok(variable("blocking", 1))
    }
}
