//! Functions: what they take, what they answer, and what their handlers start with.

use std::{
    cell::Cell,
    convert::Infallible,
    num::NonZero,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, Agent, BoxError, Call, Deadline, FromCall, HandlerError, IntoActions,
    Limits, Message, Origin, PeerAddress, Registry, Route, Scope, Setup, State, Tasks, Var,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Answered, Result, variable};

#[derive(Deserialize)]
struct Client {
    ip: std::net::IpAddr,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Clone)]
struct Secret(&'static str);

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), holds).await.expect("it holds soon");
}

fn request() -> Message {
    Message::new("check").arg("ip", std::net::Ipv4Addr::LOCALHOST).arg("token", "swordfish")
}

async fn answer(registry: Registry, message: Message) -> Result<String> {
    let mut haproxy = FakeHaproxy::start(registry).await?;
    Ok(haproxy.notify(message).await?.to_string())
}

#[allow(clippy::too_many_arguments, reason = "as many as a function can take")]
async fn check(
    token: Token,
    client: Client,
    State(Secret(secret)): State<Secret>,
    origin: Origin,
    deadline: Deadline,
    State(counter): State<Counter>,
    message: Message,
    tasks: Tasks,
) -> std::result::Result<Actions, BoxError> {
    tokio::task::yield_now().await;
    tasks.spawn(async move {
        counter.0.fetch_add(1, SeqCst);
    });
    let is_known = token.token == secret
        && client.ip.is_loopback()
        && origin.peer_address() == PeerAddress::InMemory
        && deadline.instant() == origin.deadline()
        && message.name() == b"check";
    Ok(Actions::new().set_var(Scope::Transaction, "known", is_known)?)
}

#[actix_rt::test]
async fn a_function_takes_eight_arguments_of_any_kind() -> Result {
    let counter = Counter::default();
    let registry =
        Registry::new().state(Secret("swordfish")).state(counter.clone()).on("check", check);
    let mut haproxy = FakeHaproxy::start(registry).await?;
    assert_eq!(haproxy.notify(request()).await?.to_string(), "set-var txn.known true");
    until(|| counter.0.load(SeqCst) == 1).await;
    Ok(())
}

#[actix_rt::test]
async fn whatever_is_into_actions_is_an_answer() -> Result {
    let one = || variable("one", 1);
    let two = || variable("two", 2);
    let registry = Registry::new()
        .on("nothing", || ())
        .on("none", || None::<Actions>)
        .on("some", move || Some(one()))
        .on("actions", one)
        .on("variable", || (Var::session("one"), 1))
        .on("variables", || ((Var::session("one"), "1"), Some((Var::request("two"), 2))))
        .on("result", move || Ok::<_, Infallible>(two()))
        .on("tuple", move || (one(), Some(two()), (), Ok::<_, ActionError>(one())))
        .on("later", move || async move { (one(), two()) })
        .on("failed", Route::new(|| (variable("lost", 1), Err::<(), _>("no"))).fallback(one()))
        .catch_all(async |_: Message| Some(()));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    for (name, expected) in [
        ("nothing", ""),
        ("none", ""),
        ("some", "set-var txn.one 1"),
        ("actions", "set-var txn.one 1"),
        ("variable", "set-var sess.one 1"),
        ("variables", "set-var sess.one \"1\", set-var req.two 2"),
        ("result", "set-var txn.two 2"),
        ("tuple", "set-var txn.one 1, set-var txn.two 2, set-var txn.one 1"),
        ("later", "set-var txn.one 1, set-var txn.two 2"),
        ("failed", "set-var txn.one 1"),
        ("another", ""),
    ] {
        assert_eq!(haproxy.notify(Message::new(name)).await?.to_string(), expected, "{name}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_function_has_the_fallback_where_one_of_its_arguments_is_wrong() -> Result {
    let called = Counter::default();
    let count = called.clone();
    let both = move |_: Client, _: Token| {
        count.0.fetch_add(1, SeqCst);
        variable("called", 1)
    };
    let route = Route::new(both).fallback(variable("called", -1));
    let mut haproxy = FakeHaproxy::start(Registry::new().on("check", route)).await?;
    let ip_alone = Message::new("check").arg("ip", std::net::Ipv4Addr::LOCALHOST);
    assert_eq!(haproxy.notify(ip_alone).await?.to_string(), "set-var txn.called -1");
    assert_eq!(called.0.load(SeqCst), 0);
    assert_eq!(haproxy.notify(request()).await?.to_string(), "set-var txn.called 1");
    Ok(())
}

#[actix_rt::test]
async fn an_optional_argument_is_absent_if_the_message_passes_no_value() -> Result {
    let registry = || {
        Registry::new().on("check", |token: Option<Token>| {
            let length = token.map_or(0, |token| token.token.len());
            i64::try_from(length).map(|length| variable("length", length))
        })
    };
    let null = Message::new("check").arg("token", spoa_actors::TypedData::Null);
    assert_eq!(answer(registry(), Message::new("check")).await?, "set-var txn.length 0");
    assert_eq!(answer(registry(), null).await?, "set-var txn.length 0");
    assert_eq!(answer(registry(), request()).await?, "set-var txn.length 9");
    Ok(())
}

fn secret(State(Secret(secret)): State<Secret>) -> Answered {
    Ok(Actions::new().set_var(Scope::Transaction, "secret", secret)?)
}

#[actix_rt::test]
async fn the_state_of_a_route_goes_before_that_of_the_registry_and_the_last_one_counts() -> Result {
    let registry = Registry::new()
        .state(Secret("first"))
        .on("all", secret)
        .on("own", Route::new(secret).state(Secret("own")))
        .state(Secret("second"));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let all = haproxy.notify(Message::new("all")).await?.to_string();
    let own = haproxy.notify(Message::new("own")).await?.to_string();
    assert_eq!((&*all, &*own), ("set-var txn.secret \"second\"", "set-var txn.secret \"own\""));
    Ok(())
}

#[actix_rt::test]
async fn an_agent_whose_registry_lacks_a_state_does_not_start_and_says_which() {
    let registry = Registry::new().state(Counter::default()).on("check", secret);
    let error = Agent::bind("127.0.0.1:0").unwrap().start(registry).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the handler of message \"check\" could not start: it takes \
         `State<it::handler::functions::Secret>`, which was not set; add it by `Registry::state`"
    );
}

#[actix_rt::test]
async fn a_state_is_one_on_all_arbiters() -> Result {
    let (counter, arbiters) = (Counter::default(), NonZero::new(3).unwrap());
    let count = |State(counter): State<Counter>| {
        i64::try_from(counter.0.fetch_add(1, SeqCst) + 1).map(|number| variable("number", number))
    };
    let registry = Registry::new().state(counter.clone()).on("count", count);
    let agent =
        Agent::bind("127.0.0.1:0").unwrap().arbiters(arbiters).start(registry).await.unwrap();
    let address = agent.local_addresses()[0];
    for number in 1..=2 * arbiters.get() {
        let stream = TcpStream::connect(address).await?;
        let mut haproxy = FakeHaproxy::over(stream).await?;
        let actions = haproxy.notify(Message::new("count")).await?;
        assert_eq!(actions, variable("number", i64::try_from(number).unwrap()));
    }
    agent.stop().await;
    Ok(())
}

/// Answers with the time that is left, in milliseconds.
async fn time_left(deadline: Deadline) -> Answered {
    sleep(Duration::from_millis(100)).await;
    Ok(variable("left", i64::try_from(deadline.remaining().as_millis())?))
}

#[actix_rt::test]
async fn the_deadline_is_that_of_the_route_and_time_runs() -> Result {
    tokio::time::pause();
    let route = Route::new(time_left).deadline(Duration::from_millis(350));
    let actions = answer(Registry::new().on("left", route), Message::new("left")).await?;
    // A timer of tokio may be a millisecond late.
    assert!(["set-var txn.left 249", "set-var txn.left 250"].contains(&&*actions), "{actions}");
    Ok(())
}

/// How many calls there were on this arbiter, of those that were prepared together.
struct Number(u64);

impl FromCall for Number {
    type Source = Rc<Cell<u64>>;

    fn prepare(setup: &Setup<'_>) -> std::result::Result<Self::Source, BoxError> {
        let Secret(secret) = setup.state()?;
        if secret.is_empty() {
            return Err("the secret is empty".into());
        }
        Ok(Rc::default())
    }

    fn from_call(calls: &Self::Source, call: &Call<'_>) -> std::result::Result<Self, HandlerError> {
        calls.set(calls.get() + 1);
        match call.message().name() {
            b"refused" => Err(HandlerError::Failed("as asked".into())),
            _ => Ok(Self(calls.get())),
        }
    }
}

#[actix_rt::test]
async fn an_argument_of_ones_own_is_prepared_once_and_made_for_every_call() -> Result {
    let number = |Number(number): Number| i64::try_from(number).map(|n| variable("number", n));
    let registry = || {
        let refused = Route::new(number).fallback(variable("number", -1));
        Registry::new().on("number", number).on("refused", refused)
    };
    let mut haproxy = FakeHaproxy::start(registry().state(Secret("x"))).await?;
    for number in 1..4 {
        assert_eq!(haproxy.notify(Message::new("number")).await?, variable("number", number));
    }
    assert_eq!(haproxy.notify(Message::new("refused")).await?, variable("number", -1));
    let error = InMemoryAgent::start(registry().state(Secret("")), Limits::default()).await;
    let error = error.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.ends_with("could not start: the secret is empty"), "{error}");
    Ok(())
}

/// A state whose last instance says so when it goes.
struct Guard(Counter);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

#[actix_rt::test]
async fn the_work_of_a_function_ends_with_its_route_and_a_panic_in_it_is_counted() -> Result {
    let (started, ended) = (Counter::default(), Counter::default());
    let (start, end) = (started.clone(), ended.clone());
    let work = move |tasks: Tasks, message: Message| {
        let (start, guard) = (start.clone(), Guard(end.clone()));
        tasks.spawn(async move {
            start.0.fetch_add(1, SeqCst);
            if message.name() == b"panic" {
                panic!("as asked");
            }
            let _guard = guard;
            std::future::pending::<()>().await;
        });
    };
    let registry = Registry::new().catch_all(work);
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(Message::new("work")).await?;
    haproxy.notify(Message::new("panic")).await?;
    until(|| started.0.load(SeqCst) == 2 && ended.0.load(SeqCst) == 1).await;
    // The function goes on: it has nothing to restart.
    haproxy.notify(Message::new("work")).await?;
    until(|| started.0.load(SeqCst) == 3).await;
    let statistics = agent.statistics().await;
    let route = &statistics.routes[0];
    assert_eq!((route.background_panics, route.restarts), (1, 0));
    agent.stop().await;
    assert_eq!(ended.0.load(SeqCst), 3);
    Ok(())
}

#[test]
fn the_actions_of_an_answer_that_fails_are_none_of_those_before_it() {
    let answer = (variable("one", 1), Err::<Actions, _>("no"));
    assert_eq!(answer.into_actions().unwrap_err().to_string(), "no");
    let answer = Some(Ok::<_, BoxError>((variable("one", 1), ())));
    assert_eq!(answer.into_actions().unwrap(), variable("one", 1));
}
