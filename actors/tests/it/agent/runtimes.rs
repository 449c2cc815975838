//! An agent works on any tokio runtime: with the actix system that it finds there, or with one of its own.
//! Sockets and time are real here.

use std::{
    net::SocketAddr,
    num::NonZero,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::{Actor, Context};
use actix_rt::System;
use async_trait::async_trait;
use futures_util::FutureExt;
use spoa_actors::{
    Actions, Agent, AgentError, BlockingHandler, HandlerActor, Limits, MailboxCall, Message,
    MessageRef, Messages, Origin, ReadyHandler, Registry, Route, RunningAgent, Tasks,
    testing::{FakeHaproxy, hello},
};
use tokio::{
    net::TcpStream,
    task::yield_now,
    time::{sleep, timeout},
};

use crate::support::{Answered, FALLBACK, Result, Started, variable};

const SOON: Duration = Duration::from_secs(20);

/// Each test on the runtimes that a user may have.
macro_rules! on_each_runtime {
    ($($test:ident)+) => {
        mod tokio_with_one_thread {
            $(#[tokio::test]
            async fn $test() -> super::Result {
                super::$test().await
            })+
        }

        mod tokio_with_two_threads {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> super::Result {
                // As a task, on one of the threads.
                tokio::spawn(super::$test()).await.unwrap()
            })+
        }

        mod actix_system {
            $(#[actix_rt::test]
            async fn $test() -> super::Result {
                super::$test().await
            })+
        }
    };
}

on_each_runtime! {
    handlers_of_every_kind_do_what_they_may_do
    a_panic_costs_its_own_message_and_the_handler_is_restarted
    an_agent_that_is_dropped_closes_its_connections_and_stops_listening
    two_agents_work_and_stop_each_for_itself
    a_start_that_is_dropped_leaves_nothing_behind
    an_agent_that_cannot_start_says_why
}

/// What happened to the handlers of a test.
#[derive(Clone, Default)]
struct Lives {
    started: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

/// A handler with state that belongs to one thread, a task, and work of its own.
struct Busy {
    ticks: Rc<AtomicUsize>,
    lives: Lives,
    never_starts: bool,
}

impl Busy {
    fn route(lives: &Lives) -> Route {
        let lives = lives.clone();
        Route::new(move || Self { ticks: Rc::default(), lives: lives.clone(), never_starts: false })
    }
}

#[async_trait(?Send)]
impl HandlerActor for Busy {
    type Args = Message;

    async fn started(&self, tasks: &Tasks) -> Started {
        self.lives.started.fetch_add(1, SeqCst);
        if self.never_starts {
            std::future::pending::<()>().await;
        }
        let ticks = Rc::clone(&self.ticks);
        tasks.spawn(async move {
            loop {
                ticks.fetch_add(1, SeqCst);
                sleep(Duration::from_millis(1)).await;
            }
        });
        Ok(())
    }

    async fn handle(&self, message: Message, _: &Origin) -> Answered {
        assert!(message.get("panic").is_none(), "as asked");
        // What actix offers to its actors, and tokio to everybody.
        let own = Rc::new(());
        let spawned = actix_rt::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            drop(own);
            System::current().id()
        });
        let system = tokio::task::spawn_local(async { System::current().id() }).await?;
        assert_eq!(spawned.await?, system);
        let blocking = tokio::task::spawn_blocking(|| 20).await?;
        while self.ticks.load(SeqCst) < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        Ok(variable("actor", blocking))
    }

    async fn stopping(&self) {
        sleep(Duration::from_millis(1)).await;
        self.lives.stopped.fetch_add(1, SeqCst);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.lives.dropped.fetch_add(1, SeqCst);
    }
}

struct AtOnce;

impl ReadyHandler for AtOnce {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, _: MessageRef<'_>, _: &Origin) -> Answered {
        Ok(variable("ready", 1))
    }
}

struct OnAThread;

impl BlockingHandler for OnAThread {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Answered {
        std::thread::sleep(Duration::from_millis(1));
        Ok(variable("blocking", 1))
    }
}

struct Raw;

impl Actor for Raw {
    type Context = Context<Self>;
}

impl actix::Handler<MailboxCall> for Raw {
    type Result = Answered;

    fn handle(&mut self, _: MailboxCall, _: &mut Context<Self>) -> Answered {
        Ok(variable("raw", 1))
    }
}

fn registry(lives: &Lives) -> Registry {
    Registry::new()
        .on("function", |(): ()| variable("function", 1))
        .on("later", async |(): ()| {
            yield_now().await;
            sleep(Duration::from_millis(1)).await;
            variable("later", 1)
        })
        .on("actor", Busy::route(lives).fallback(variable("fallback", -1)))
        .on_ready("ready", || AtOnce)
        .on_blocking("blocking", NonZero::<usize>::MIN, || OnAThread)
        .on_actor("raw", || Raw.start())
}

fn agent() -> Agent {
    let limits = Limits::default().notice_period(Duration::ZERO).deadline(SOON);
    Agent::bind("127.0.0.1:0").unwrap().limits(limits).arbiters(NonZero::new(2).unwrap())
}

async fn start(lives: &Lives) -> Result<(RunningAgent, SocketAddr)> {
    let agent = agent().start(registry(lives)).await?;
    let address = agent.local_addresses()[0];
    Ok((agent, address))
}

async fn connect(address: SocketAddr) -> Result<FakeHaproxy<TcpStream>> {
    let mut haproxy = FakeHaproxy::new(TcpStream::connect(address).await?).patience(SOON);
    haproxy.hello(hello()).await?;
    Ok(haproxy)
}

async fn ask(haproxy: &mut FakeHaproxy<TcpStream>, message: Message) -> Result<String> {
    Ok(haproxy.notify(message).await?.to_string())
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waiting).await.expect("it happens in time");
}

async fn until_refused(address: SocketAddr) {
    let waiting = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waiting).await.expect("nobody listens there any more");
}

async fn handlers_of_every_kind_do_what_they_may_do() -> Result {
    let lives = Lives::default();
    let (agent, address) = start(&lives).await?;
    let names = ["function", "later", "actor", "ready", "blocking", "raw"];
    let expected = "set-var txn.function 1, set-var txn.later 1, set-var txn.actor 20, \
                    set-var txn.ready 1, set-var txn.blocking 1, set-var txn.raw 1";
    // On both arbiters.
    let mut connections = [connect(address).await?, connect(address).await?];
    for haproxy in &mut connections {
        let all: Messages = names.into_iter().map(Message::new).collect();
        assert_eq!(haproxy.notify(all).await?.to_string(), expected);
    }
    drop(connections);
    let seen = agent.stop().await;
    assert_eq!((seen.notifies, seen.acks, seen.messages.answered), (2, 2, 12));
    assert_eq!(lives.stopped.load(SeqCst), 2);
    until_refused(address).await;
    until(|| lives.dropped.load(SeqCst) == 2).await;
    Ok(())
}

async fn a_panic_costs_its_own_message_and_the_handler_is_restarted() -> Result {
    let lives = Lives::default();
    let (agent, address) = start(&lives).await?;
    let mut haproxy = connect(address).await?;
    for _ in 0..3 {
        let panicking = Message::new("actor").arg("panic", true);
        assert_eq!(ask(&mut haproxy, panicking).await?, FALLBACK);
        assert_eq!(ask(&mut haproxy, Message::new("actor")).await?, "set-var txn.actor 20");
    }
    assert_eq!(agent.stop().await.messages.panicked, 3);
    Ok(())
}

async fn an_agent_that_is_dropped_closes_its_connections_and_stops_listening() -> Result {
    let lives = Lives::default();
    let (agent, address) = start(&lives).await?;
    let mut haproxy = connect(address).await?;
    assert_eq!(ask(&mut haproxy, Message::new("function")).await?, "set-var txn.function 1");
    drop(agent);
    // Without a DISCONNECT, and without `stopping`.
    let end = haproxy.receive().await.unwrap_err().to_string();
    assert!(end.contains("closed") || end.contains("reset"), "{end}");
    until_refused(address).await;
    until(|| lives.dropped.load(SeqCst) == 2).await;
    assert_eq!((lives.started.load(SeqCst), lives.stopped.load(SeqCst)), (2, 0));
    Ok(())
}

async fn two_agents_work_and_stop_each_for_itself() -> Result {
    let (one, other) = (Lives::default(), Lives::default());
    let ((agent, address), (second, second_address)) = (start(&one).await?, start(&other).await?);
    let mut haproxy = connect(second_address).await?;
    agent.stop().await;
    assert_eq!((one.stopped.load(SeqCst), other.stopped.load(SeqCst)), (2, 0));
    until_refused(address).await;
    for _ in 0..10 {
        assert_eq!(ask(&mut haproxy, Message::new("actor")).await?, "set-var txn.actor 20");
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(second.statistics().await.notifies, 10);
    drop(haproxy);
    second.stop().await;
    assert_eq!(other.stopped.load(SeqCst), 2);
    Ok(())
}

async fn a_start_that_is_dropped_leaves_nothing_behind() -> Result {
    let lives = Lives::default();
    let own = lives.clone();
    let never = move || Busy { ticks: Rc::default(), lives: own.clone(), never_starts: true };
    let agent = agent();
    let address = agent.local_addresses()[0];
    let start = agent.start(Registry::new().on("never", Route::new(never)));
    let all_began = until(|| lives.started.load(SeqCst) == 2);
    tokio::select! {
        _ = start => panic!("it does not start"),
        () = all_began => {}
    }
    until(|| lives.dropped.load(SeqCst) == 2).await;
    until_refused(address).await;
    assert_eq!(lives.stopped.load(SeqCst), 0);
    Ok(())
}

async fn an_agent_that_cannot_start_says_why() -> Result {
    let error = Agent::new().start(Registry::new()).await.unwrap_err();
    assert!(matches!(error, AgentError::NoListener), "{error}");
    let failing = |(): ()| Actions::new();
    let registry = Registry::new().on("m", failing).on("m", Busy::route(&Lives::default()));
    let error = agent().start(registry).await.unwrap_err();
    assert!(matches!(error, AgentError::DuplicateRoute { .. }), "{error}");
    Ok(())
}

/// Or it could not be a task of a runtime with more than one thread.
#[test]
fn what_an_agent_does_can_move_between_threads() {
    fn is_send(_: &impl Send) {}
    is_send(&agent().serve(Registry::new()));
    is_send(&agent().start(Registry::new()));
    is_send(&async { agent().start(Registry::new()).await.unwrap().serve().await });
}

#[test]
fn without_a_runtime_the_error_names_the_two_ways_to_have_one() {
    let start = agent().start(Registry::new()).now_or_never();
    assert_eq!(
        start.expect("it is an error at once").unwrap_err().to_string(),
        "the agent needs a tokio runtime: use `#[tokio::main]` or `#[actix_rt::main]`"
    );
}

/// A thread remembers its last system. An agent must not rely on one that has ended.
#[test]
fn an_actix_system_that_has_ended_is_none() {
    System::new().block_on(async {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(handlers_of_every_kind_do_what_they_may_do()).unwrap();
}
