//! The life of a handler: start, tasks, stop, and what may go wrong in each.

use std::{
    cell::{Cell, RefCell},
    fmt,
    num::NonZero,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use spoa_actors::{
    Actions, Agent, AgentError, BoxError, HandlerActor, Limits, Message, Origin, Registry, Route,
    Tasks,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::support::{
    Answered, FALLBACK, Result, ask_score, numbered, registry, subscribe, variable,
};

thread_local! {
    static EVENTS: Rc<RefCell<Vec<&'static str>>> = Rc::default();
}

fn say(event: &'static str) {
    EVENTS.with(|events| events.borrow_mut().push(event));
}

fn said() -> Vec<&'static str> {
    EVENTS.with(|events| events.borrow().clone())
}

/// Loads a number in a task of its own, and waits for it; counts on every second.
#[derive(Default)]
struct Loading {
    number: Rc<Cell<i64>>,
}

#[async_trait(?Send)]
impl HandlerActor for Loading {
    type Args = ();

    async fn started(&self, tasks: &Tasks) -> std::result::Result<(), BoxError> {
        say("started");
        let number = Rc::clone(&self.number);
        let (loaded, loading) = oneshot::channel();
        tasks.spawn(async move {
            sleep(Duration::from_millis(10)).await;
            number.set(100);
            loaded.send(()).unwrap();
            loop {
                sleep(Duration::from_secs(1)).await;
                number.set(number.get() + 1);
            }
        });
        Ok(loading.await?)
    }

    async fn handle(&self, (): (), _: &Origin) -> std::result::Result<Actions, BoxError> {
        Ok(variable("number", self.number.get()))
    }

    async fn stopping(&self) {
        say("stopping");
    }
}

#[actix_rt::test]
async fn a_handler_starts_before_its_first_message_and_its_tasks_go_on_beside_it() -> Result {
    tokio::time::pause();
    let registry = Registry::new().on("number", Loading::default);
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    assert_eq!(said(), ["started"]);
    let mut haproxy = agent.connect().await?;
    let number = async |haproxy: &mut FakeHaproxy| haproxy.notify(Message::new("number")).await;
    assert_eq!(number(&mut haproxy).await?, variable("number", 100));
    sleep(Duration::from_millis(3500)).await;
    assert_eq!(number(&mut haproxy).await?, variable("number", 103));
    drop(haproxy);
    agent.stop().await;
    assert_eq!(said(), ["started", "stopping"]);
    Ok(())
}

/// Fails or panics at its start; at its stop it hangs.
struct Stubborn(&'static str);

#[async_trait(?Send)]
impl HandlerActor for Stubborn {
    type Args = ();

    async fn started(&self, _: &Tasks) -> std::result::Result<(), BoxError> {
        match self.0 {
            "fails" => Err("the list cannot be read".into()),
            "panics" => panic!("the list cannot be read"),
            _ => Ok(()),
        }
    }

    async fn handle(&self, (): (), _: &Origin) -> std::result::Result<Actions, BoxError> {
        Ok(Actions::new())
    }

    async fn stopping(&self) {
        std::future::pending::<()>().await;
    }
}

fn broken_factory() -> Stubborn {
    panic!("the list cannot be read")
}

#[actix_rt::test]
async fn an_agent_whose_handler_cannot_start_does_not_start_and_says_why() {
    let routes: [fn() -> Route; 3] = [
        || Route::new(|| Stubborn("fails")),
        || Route::new(|| Stubborn("panics")),
        || Route::new(broken_factory),
    ];
    for route in routes {
        let registry = || Registry::new().on("score", route());
        let in_memory = InMemoryAgent::start(registry(), Limits::default()).await.unwrap_err();
        let real = Agent::bind("127.0.0.1:0").unwrap().start(registry()).await.unwrap_err();
        for error in [in_memory, real] {
            assert!(matches!(error, AgentError::Handler { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("score") && text.contains("cannot be read"), "{text}");
        }
    }
}

#[actix_rt::test]
async fn a_handler_that_does_not_stop_is_not_waited_for_without_end() -> Result {
    tokio::time::pause();
    let registry = Registry::new().on("score", || Stubborn("hangs"));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let asked = Instant::now();
    agent.stop().await;
    assert!(asked.elapsed() <= Limits::default().shutdown_timeout + Duration::from_millis(10));
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_blocks_its_thread_is_not_waited_for_without_end() -> Result {
    let blocking = Route::new(|(): ()| {
        std::thread::sleep(Duration::from_secs(20));
        Ok::<_, BoxError>(Actions::new())
    });
    let limits = Limits::default().shutdown_timeout(Duration::from_millis(50));
    let agent = Agent::bind("127.0.0.1:0")?.limits(limits).arbiters(NonZero::<usize>::MIN);
    let agent = agent.start(registry().on("block", blocking)).await?;
    let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    haproxy.notify(ask_score()).await?;
    haproxy.send_notify(Message::new("block")).await?;
    let asked = Instant::now();
    agent.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    Ok(())
}

/// Panics at its stop before there is a future, as only an implementation without the macro can.
struct Abrupt;

impl HandlerActor for Abrupt {
    type Args = ();

    fn handle<'a: 'c, 'b: 'c, 'c>(
        &'a self,
        (): (),
        _: &'b Origin,
    ) -> Pin<Box<dyn Future<Output = Answered> + 'c>> {
        Box::pin(async { Ok(Actions::new()) })
    }

    fn stopping<'a: 'b, 'b>(&'a self) -> Pin<Box<dyn Future<Output = ()> + 'b>> {
        panic!("before the future")
    }
}

#[actix_rt::test]
async fn a_handler_that_panics_at_its_stop_before_its_future_takes_nobody_with_it() -> Result {
    let agent = InMemoryAgent::start(registry().on("abrupt", || Abrupt), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(ask_score()).await?;
    drop(haproxy);
    let seen = agent.stop().await;
    assert_eq!((seen.messages.answered, seen.background_panics), (1, 1));
    Ok(())
}

/// An error whose text and whose end are traps.
#[derive(Debug)]
struct Trap;

impl fmt::Display for Trap {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("an error may panic when it is shown")
    }
}

impl std::error::Error for Trap {}

#[actix_rt::test]
async fn an_error_that_panics_when_it_is_shown_hurts_no_other_frame() -> Result {
    let trap = Route::new(|(): ()| Err::<Actions, _>(Trap)).fallback(variable("trap", -1));
    let agent = InMemoryAgent::start(registry().on("trap", trap), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    let actions = haproxy.notify([Message::new("trap"), ask_score()]).await?;
    assert_eq!(actions.to_string(), "set-var txn.trap -1, set-var sess.ip_score 20");
    assert_eq!(agent.statistics().await.connections_panicked, 0);
    Ok(())
}

#[actix_rt::test]
async fn a_log_that_panics_over_a_handler_that_is_back_leaves_somebody_to_renew_it() -> Result {
    tokio::time::pause();
    let agent = numbered::agent(numbered::route().restarts(0, Duration::from_secs(1))).await;
    let mut haproxy = agent.connect().await?;
    let broken = Log(|line| assert_ne!(*line.level(), tracing::Level::INFO, "cannot be written"));
    let _broken = subscribe(broken);
    for number in 2..=4 {
        let panicked = haproxy.notify(numbered::ask().arg("panic", true)).await?;
        assert_eq!(panicked.to_string(), FALLBACK);
        sleep(Duration::from_secs(4)).await;
        let actions = haproxy.notify(numbered::ask()).await?;
        assert_eq!(actions.to_string(), numbered::instance(number));
    }
    Ok(())
}

/// Does something with every line of the log.
pub(crate) struct Log(pub(crate) fn(&tracing::Metadata<'_>));

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("spoa_actors")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        self.0(event.metadata());
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[actix_rt::test]
async fn a_log_that_panics_ends_the_connection_it_is_about_and_nothing_else() -> Result {
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut bystander = agent.connect().await?;
    let mut culprit = agent.connect().await?;
    let broken = subscribe(Log(|_| panic!("the log cannot be written")));
    culprit.send_bytes(&[0; 4]).await?;
    assert!(culprit.receive().await.is_err());
    let actions = bystander.notify(Message::new("fail")).await?;
    assert_eq!(actions.to_string(), "set-var txn.fail -1");
    drop(broken);
    let mut newcomer = agent.connect().await?;
    assert_eq!(newcomer.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    assert_eq!(agent.statistics().await.connections_panicked, 1);
    Ok(())
}
