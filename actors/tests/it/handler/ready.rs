//! Ready handlers: they answer at once, from where the message lies, and all else is as for an actor.

use std::{cell::Cell, net::IpAddr, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    Actions, HandlerActor, Limits, Message, MessageRef, Messages, Origin, ReadyHandler, Registry,
    Route, Scope, TypedData,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::Instant;

use crate::support::{
    Answered, FALLBACK, Result, ask_sleep,
    numbered::{agent, answer, ask, instance},
    registry, until, variable,
};

/// What lies in the frame.
#[derive(Deserialize)]
struct Request<'a> {
    ip: IpAddr,
    #[serde(borrow)]
    path: &'a str,
    body: &'a [u8],
    agent: Option<&'a str>,
}

/// Answers with what it was asked.
struct Echo;

impl ReadyHandler for Echo {
    type Args<'a> = Request<'a>;

    fn handle(&self, request: Request<'_>, _: &Origin) -> Answered {
        let sum: i64 = request.body.iter().map(|&byte| i64::from(byte)).sum();
        Ok(Actions::new()
            .set_var(Scope::Transaction, "ip", request.ip)?
            .set_var(Scope::Transaction, "path", request.path)?
            .set_var(Scope::Transaction, "sum", sum)?
            .set_var(Scope::Transaction, "agent", request.agent)?)
    }
}

fn ask_echo(body: &[u8]) -> Message {
    let ip = IpAddr::from([10, 0, 0, 1]);
    Message::new("number").arg("ip", ip).arg("path", "/caf\u{e9}").arg("body", body)
}

#[actix_rt::test]
async fn it_answers_from_borrowed_text_and_bytes_of_small_frames_and_large_ones() -> Result {
    let agent = agent(Route::ready(|| Echo)).await;
    let mut haproxy = agent.connect().await?;
    let head = "set-var txn.ip 10.0.0.1, set-var txn.path \"/café\"";
    for length in [0, 1, 500, 1500, 15_000] {
        let message = ask_echo(&vec![3; length]).arg("agent", "curl");
        let expected =
            format!("{head}, set-var txn.sum {}, set-var txn.agent \"curl\"", 3 * length);
        assert_eq!(answer(&mut haproxy, message).await?, expected);
    }
    // What it does not ask for is skipped, and what may be absent is none.
    let message = ask_echo(&[]).arg("x", 1);
    let expected = format!("{head}, set-var txn.sum 0, set-var txn.agent null");
    assert_eq!(answer(&mut haproxy, message).await?, expected);
    Ok(())
}

/// What a message asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wish {
    fail: bool,
    panic: bool,
}

/// Answers with the number of its instance, and how often it was asked.
struct Counting {
    instance: i64,
    asked: Cell<i64>,
}

thread_local! {
    static MADE: Cell<i64> = const { Cell::new(0) };
}

impl Counting {
    fn new() -> Self {
        MADE.set(MADE.get() + 1);
        Self { instance: MADE.get(), asked: Cell::new(0) }
    }
}

impl ReadyHandler for Counting {
    type Args<'a> = Wish;

    fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        self.asked.set(self.asked.get() + 1);
        assert!(!wish.panic, "as asked");
        if wish.fail {
            return Err("as asked".into());
        }
        let mut actions = variable("instance", self.instance);
        actions.append(variable("asked", self.asked.get()));
        Ok(actions)
    }
}

fn counting() -> Route {
    Route::ready(Counting::new).fallback(variable("fallback", -1))
}

fn counted(number: i64, asked: i64) -> String {
    format!("{}, set-var txn.asked {asked}", instance(number))
}

#[actix_rt::test]
async fn it_has_one_state_for_all_connections_of_its_arbiter_and_another_arbiter_has_its_own()
-> Result {
    let here = agent(counting()).await;
    let (mut one, mut other) = (here.connect().await?, here.connect().await?);
    for asked in [1, 3] {
        assert_eq!(answer(&mut one, ask()).await?, counted(1, asked));
        assert_eq!(answer(&mut other, ask()).await?, counted(1, asked + 1));
    }
    // A thread has statics of its own, as each arbiter has.
    let elsewhere = std::thread::spawn(|| {
        actix_rt::System::new().block_on(async {
            let mut haproxy = agent(counting()).await.connect().await.unwrap();
            answer(&mut haproxy, ask()).await.unwrap()
        })
    });
    assert_eq!(elsewhere.join().unwrap(), counted(1, 1));
    Ok(())
}

#[actix_rt::test]
async fn an_error_leaves_the_fallback_and_the_state() -> Result {
    let agent = agent(counting()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask().arg("fail", true)).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, counted(1, 2));
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.failed, seen.messages.answered), (1, 1));
    assert_eq!(seen.handler_restarts, 0);
    Ok(())
}

#[actix_rt::test]
async fn arguments_that_it_does_not_ask_for_leave_the_fallback_and_are_counted() -> Result {
    let agent = agent(Route::ready(|| Echo).fallback(variable("fallback", -1))).await;
    let mut haproxy = agent.connect().await?;
    let wrong = [
        ask(),
        ask_echo(&[]).arg("path", "/again"),
        ask_echo(&[]).arg("agent", 1),
        ask_echo(&[]).arg("agent", TypedData::Binary(b"curl")),
        ask_echo(&[]).arg("agent", TypedData::String(b"caf\xe9")),
    ];
    let count = wrong.len() as u64;
    for message in wrong {
        let text = message.to_string();
        assert_eq!(answer(&mut haproxy, message).await?, FALLBACK, "{text}");
    }
    assert_eq!(agent.statistics().await.messages.bad_arguments, count);
    Ok(())
}

#[actix_rt::test]
async fn a_panic_leaves_the_fallback_at_once_and_the_state_is_new() -> Result {
    tokio::time::pause();
    let agent = agent(counting()).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for number in 1..=3 {
        assert_eq!(answer(&mut haproxy, ask()).await?, counted(number, 1));
        assert_eq!(answer(&mut haproxy, ask()).await?, counted(number, 2));
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    }
    assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    // Those behind it in one NOTIFY wait for the next one, which comes at once after a quiet second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let actions = haproxy.notify([ask(), ask().arg("panic", true), ask()]).await?.to_string();
    assert_eq!(actions, [&counted(4, 1), FALLBACK, &counted(5, 1)].join(", "));
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.panicked, seen.handler_restarts), (4, 4));
    Ok(())
}

#[actix_rt::test]
async fn over_its_budget_it_is_asked_all_the_same() -> Result {
    tokio::time::pause();
    let agent = agent(counting().restarts(1, Duration::from_secs(10))).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..2 {
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    }
    for n in 1..=10 {
        assert_eq!(answer(&mut haproxy, ask()).await?, counted(2, n + 1));
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.panicked, seen.messages.circuit_open, seen.handlers_down), (2, 0, 1));
    tokio::time::sleep(Duration::from_millis(12_550)).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, counted(3, 1));
    Ok(())
}

#[actix_rt::test]
async fn its_calls_are_never_in_flight_and_only_a_restart_fills_its_route() -> Result {
    tokio::time::pause();
    let agent = agent(counting().concurrency(1)).await;
    let mut haproxy = agent.connect().await?;
    let messages: Messages = (0..100).map(|_| ask()).collect();
    assert_eq!(haproxy.notify(messages).await?.iter().count(), 200);
    let messages = [ask().arg("panic", true), ask(), ask()];
    let actions = haproxy.notify(messages).await?.to_string();
    assert_eq!(actions, [FALLBACK, &counted(2, 1), FALLBACK].join(", "));
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.panicked, outcomes.route_full, outcomes.answered), (1, 1, 101));
    Ok(())
}

#[actix_rt::test]
async fn a_message_whose_time_is_over_is_not_handed_to_it() -> Result {
    let agent = agent(counting().deadline_argument("ms")).await;
    let mut haproxy = agent.connect().await?;
    for (ms, expected) in [(0, FALLBACK), (-1, FALLBACK), (500, &*counted(1, 1))] {
        assert_eq!(answer(&mut haproxy, ask().arg("ms", ms)).await?, expected, "{ms} ms");
    }
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 2);
    Ok(())
}

/// Answers with how much time it was given.
struct Watch;

impl ReadyHandler for Watch {
    type Args<'a> = ();

    fn handle(&self, (): (), origin: &Origin) -> Answered {
        let left = i64::try_from(origin.remaining().as_millis())?;
        Ok(variable("left", left))
    }
}

#[actix_rt::test]
async fn it_is_told_the_deadline_of_its_route_or_that_of_its_message() -> Result {
    tokio::time::pause();
    let route = Route::ready(|| Watch).deadline(Duration::from_millis(300));
    let mut haproxy = agent(route.deadline_argument("ms")).await.connect().await?;
    for (ms, left) in [(1000, 300), (300, 300), (120, 120)] {
        let actions = answer(&mut haproxy, ask().arg("ms", ms)).await?;
        assert_eq!(actions, variable("left", left).to_string());
    }
    Ok(())
}

struct Actor;

#[async_trait(?Send)]
impl HandlerActor for Actor {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Answered {
        Ok(variable("actor", 1))
    }
}

#[actix_rt::test]
async fn with_handlers_of_other_kinds_in_one_notify_the_order_is_that_of_the_messages() -> Result {
    tokio::time::pause();
    let registry = registry()
        .on("function", Route::new(|(): ()| -> Answered { Ok(variable("function", 1)) }))
        .on("actor", || Actor)
        .on_ready("number", Counting::new);
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    let kinds = [
        ("actor", "set-var txn.actor 1"),
        ("sleep", "set-var txn.slept 5"),
        ("function", "set-var txn.function 1"),
        ("fail", "set-var txn.fail -1"),
        ("panic-later", "set-var txn.panic_later -1"),
    ];
    let message = |name| if name == "sleep" { ask_sleep(5) } else { Message::new(name) };
    let mut asked = 0;
    for (one, ones) in &kinds {
        for (other, others) in &kinds {
            let messages = [ask(), message(*one), ask(), message(*other), ask()];
            let expected = [
                &counted(1, asked + 1),
                *ones,
                &counted(1, asked + 2),
                *others,
                &counted(1, asked + 3),
            ];
            assert_eq!(haproxy.notify(messages).await?.to_string(), expected.join(", "));
            asked += 3;
        }
    }
    until(&agent, |seen| seen.notifies_in_flight == 0).await;
    Ok(())
}

/// Answers with the name of its message, and of the last argument.
struct Names;

impl ReadyHandler for Names {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Answered {
        let last = message.args().last().map(|arg| TypedData::Binary(arg.name));
        Ok(Actions::new()
            .set_var(Scope::Transaction, "name", TypedData::Binary(message.name()))?
            .set_var(Scope::Transaction, "last", last)?)
    }
}

/// Takes bytes, whatever they are.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    raw: &'a [u8],
}

struct Bytes;

impl ReadyHandler for Bytes {
    type Args<'a> = Raw<'a>;

    fn handle(&self, Raw { raw }: Raw<'_>, _: &Origin) -> Answered {
        Ok(Actions::new().set_var(Scope::Transaction, "raw", raw)?)
    }
}

#[actix_rt::test]
async fn names_and_values_that_are_no_utf_8_reach_it_as_they_are() -> Result {
    let registry = Registry::new().on_ready("bytes", || Bytes).catch_all(Route::ready(|| Names));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let message = Message::new(b"caf\xe9").arg("a", 1).arg([0xff, 0], true);
    let expected = Actions::new()
        .set_var(Scope::Transaction, "name", TypedData::Binary(b"caf\xe9"))
        .unwrap()
        .set_var(Scope::Transaction, "last", TypedData::Binary(&[0xff, 0]))
        .unwrap();
    assert_eq!(haproxy.notify(message).await?, expected);
    for value in [TypedData::String(b"caf\xe9"), TypedData::Binary(b"caf\xe9")] {
        let message = Message::new("bytes").arg([0xff], 1).arg("raw", value);
        let expected = Actions::new().set_var(Scope::Transaction, "raw", &b"caf\xe9"[..]).unwrap();
        assert_eq!(haproxy.notify(message).await?, expected);
    }
    Ok(())
}
