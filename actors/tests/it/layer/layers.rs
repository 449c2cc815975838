//! Layers around handlers of every kind: in which order, behind which fence, and how long they live.

use std::{
    cell::{Cell, RefCell},
    num::NonZero,
    time::Duration,
};

use actix::{Actor, Context};
use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    Actions, BlockingHandler, BoxError, Call, HandlerError, Layer, Limits, MailboxCall, Message,
    Next, Origin, ReadyHandler, Registry, Reply, Route, Scope,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::{Instant, sleep};

use crate::support::{
    Answered, FALLBACK, Result,
    numbered::{self, Start, agent, answer, ask, instance, script},
    variable,
};

thread_local! {
    /// How many layers were made.
    static MADE: Cell<i64> = const { Cell::new(0) };
    /// What ended, in order.
    static ENDED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Puts its mark and its number behind what is answered in place or later, as often as it was asked.
struct Mark {
    name: &'static str,
    number: i64,
    calls: Cell<i64>,
}

impl Mark {
    fn new(name: &'static str) -> Self {
        MADE.set(MADE.get() + 1);
        Self { name, number: MADE.get(), calls: Cell::new(0) }
    }
}

#[async_trait(?Send)]
impl Layer for Mark {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        self.calls.set(self.calls.get() + 1);
        let mark = variable(self.name, 100 * self.number + self.calls.get());
        let wish = |name: &str| call.message().get(format!("{}_{name}", self.name)).is_some();
        if wish("answers") {
            return Reply::now::<HandlerError>(Ok(mark), actions);
        }
        assert!(!wish("panics"), "as asked");
        if wish("fails") {
            actions.append(variable("litter", 1));
            return Reply::Failed(HandlerError::Failed("as asked".into()));
        }
        let panics_later = wish("panics_later");
        match next.call(call, actions) {
            Reply::Answered => {
                actions.append(mark);
                Reply::Answered
            }
            Reply::Later(answer) => Reply::Later(Box::pin(async move {
                let mut actions = answer.await?;
                assert!(!panics_later, "as asked");
                actions.append(mark);
                Ok(actions)
            })),
            failed => failed,
        }
    }

    async fn stopping(&self) {
        ENDED.with_borrow_mut(|ended| ended.push(self.name));
    }
}

/// Answers at once.
struct Ready;

impl ReadyHandler for Ready {
    type Args<'a> = ();

    fn handle(&self, (): (), _: &Origin) -> Answered {
        Ok(variable("instance", 1))
    }
}

impl BlockingHandler for Ready {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Answered {
        Ok(variable("instance", 1))
    }
}

struct Raw;

impl Actor for Raw {
    type Context = Context<Self>;
}

impl actix::Handler<MailboxCall> for Raw {
    type Result = Answered;

    fn handle(&mut self, _: MailboxCall, _: &mut Context<Self>) -> Answered {
        Ok(variable("instance", 1))
    }
}

#[actix_rt::test]
async fn layers_stand_around_handlers_of_every_kind_the_last_one_outermost() -> Result {
    let kinds = || {
        [
            ("actor", numbered::route()),
            ("function", Route::new(|(): ()| variable("instance", 1))),
            (
                "async",
                Route::new(async |(): ()| {
                    sleep(Duration::from_millis(1)).await;
                    variable("instance", 1)
                }),
            ),
            ("ready", Route::ready(|| Ready)),
            ("blocking", Route::blocking(NonZero::<usize>::MIN, || Ready)),
            ("raw", Route::actor(|| Raw.start())),
        ]
    };
    for (kind, route) in kinds() {
        let layered = route.layer(|| Mark::new("a")).layer(|| Mark::new("b"));
        let registry =
            Registry::new().layer(|| Mark::new("c")).on("number", layered).layer(|| Mark::new("d"));
        let first = MADE.get();
        let mut haproxy = FakeHaproxy::start(registry).await?;
        let marks: Vec<_> = (1..)
            .zip(["a", "b", "c", "d"])
            .map(|(n, name)| format!("set-var txn.{name} {}", 100 * (first + n) + 1))
            .collect();
        let expected = format!("{}, {}", instance(1), marks.join(", "));
        assert_eq!(answer(&mut haproxy, ask()).await?, expected, "{kind}");
        // One that answers in the place of those behind it hides them from each other only.
        let actions = answer(&mut haproxy, ask().arg("c_answers", true)).await?;
        assert!(actions.starts_with("set-var txn.c ") && actions.contains("txn.d "), "{actions}");
        assert_eq!(actions.split(", ").count(), 2, "{kind}: {actions}");
    }
    Ok(())
}

#[actix_rt::test]
async fn each_route_has_an_instance_of_its_own_of_a_layer_of_the_registry() -> Result {
    let registry = Registry::new()
        .on("one", Route::new(|(): ()| ()))
        .layer(|| Mark::new("all"))
        .catch_all(Route::new(|(): ()| ()));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let mut seen = Vec::new();
    for name in ["one", "other", "one", "third"] {
        seen.push(answer(&mut haproxy, Message::new(name)).await?);
    }
    let expected = [101, 201, 102, 202].map(|n| format!("set-var txn.all {n}"));
    assert_eq!(seen, expected);
    Ok(())
}

#[actix_rt::test]
async fn what_a_layer_has_put_into_the_list_before_it_failed_is_dropped() -> Result {
    let route = numbered::route().layer(|| Mark::new("a")).layer(|| Mark::new("b"));
    let mut haproxy = agent(route).await.connect().await?;
    let actions = haproxy.notify([ask(), ask().arg("a_fails", true), ask()]).await?.to_string();
    let whole =
        |n| format!("{}, set-var txn.a {}, set-var txn.b {}", instance(1), 100 + n, 200 + n);
    assert_eq!(actions, [&whole(1), FALLBACK, &whole(3)].join(", "));
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_panics_is_restarted_behind_the_same_layers() -> Result {
    tokio::time::pause();
    let agent = agent(numbered::route().layer(|| Mark::new("a"))).await;
    let mut haproxy = agent.connect().await?;
    let mark = |number, n| format!("{}, set-var txn.a {}", instance(number), 100 + n);
    for (calls, number, wish) in [(1, 1, "panic"), (3, 2, "panic_later"), (5, 3, "panic")] {
        assert_eq!(answer(&mut haproxy, ask()).await?, mark(number, calls));
        assert_eq!(answer(&mut haproxy, ask().arg(wish, true)).await?, FALLBACK, "{wish}");
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.panicked, seen.messages.answered), (3, 3));
    assert_eq!(MADE.get(), 1);
    Ok(())
}

#[actix_rt::test]
async fn a_layer_that_answers_does_not_answer_for_the_handler_behind_it() -> Result {
    tokio::time::pause();
    let route = numbered::route().restarts(2, Duration::from_secs(60));
    let agent = agent(route.layer(|| Mark::new("a"))).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        let message = ask().arg("a_answers", true);
        assert!(answer(&mut haproxy, message).await?.starts_with("set-var txn.a 1"));
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(agent.statistics().await.routes[0].instances.down, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_layer_that_panics_is_made_anew_with_its_handler_and_leaves_the_fallback() -> Result {
    tokio::time::pause();
    let agent = agent(numbered::route().layer(|| Mark::new("a"))).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for (number, wish) in [(1, "a_panics"), (2, "a_panics_later"), (3, "a_panics")] {
        let mark = format!("{}, set-var txn.a {}", instance(number), 100 * number + 1);
        assert_eq!(answer(&mut haproxy, ask()).await?, mark);
        let message = ask().arg(wish, true).arg("ms", 1);
        assert_eq!(answer(&mut haproxy, message).await?, FALLBACK, "{wish}");
    }
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.panicked, 3);
    Ok(())
}

#[actix_rt::test]
async fn a_function_that_panics_leaves_its_layers_as_they_are_and_a_layer_around_it_is_made_anew()
-> Result {
    tokio::time::pause();
    #[derive(Deserialize)]
    struct Wish {
        panic: Option<bool>,
    }
    let function = Route::new(|wish: Wish| assert!(wish.panic.is_none(), "as asked"));
    let route = function.layer(|| Mark::new("a")).fallback(variable("fallback", -1));
    let agent = agent(route).await;
    let mut haproxy = agent.connect().await?;
    for n in [1, 3, 5] {
        assert_eq!(answer(&mut haproxy, ask()).await?, format!("set-var txn.a {}", 100 + n));
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    }
    assert_eq!(agent.statistics().await.handler_restarts, 0);
    assert_eq!(answer(&mut haproxy, ask().arg("a_panics", true)).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, "set-var txn.a 201");
    assert_eq!(agent.statistics().await.handler_restarts, 1);
    Ok(())
}

#[actix_rt::test]
async fn layers_end_behind_their_handler_the_innermost_first() -> Result {
    let agent = agent(numbered::route().layer(|| Mark::new("a")).layer(|| Mark::new("b"))).await;
    let mut haproxy = agent.connect().await?;
    answer(&mut haproxy, ask()).await?;
    agent.stop().await;
    assert_eq!(ENDED.with_borrow(Vec::clone), ["a", "b"]);
    Ok(())
}

/// Does not start as often as it is told.
struct Late;

thread_local! {
    static LATE: Cell<usize> = const { Cell::new(0) };
}

#[async_trait(?Send)]
impl Layer for Late {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        next.call(call, actions)
    }

    async fn started(&self) -> std::result::Result<(), BoxError> {
        match LATE.get() {
            0 => Ok(()),
            n => {
                LATE.set(n - 1);
                Err("there is no list".into())
            }
        }
    }
}

#[actix_rt::test]
async fn a_layer_that_does_not_start_is_as_a_handler_that_does_not() -> Result {
    tokio::time::pause();
    LATE.set(1);
    let registry = || Registry::new().on("number", numbered::route().layer(|| Late));
    let error = InMemoryAgent::start(registry(), Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains("there is no list"), "{error}");
    // One that panicked when it was made is tried again.
    script([Start::Panics]);
    LATE.set(1);
    let route = numbered::route().optional().layer(|| Late);
    let mut haproxy = agent(route).await.connect().await?;
    sleep(Duration::from_secs(5)).await;
    assert!(answer(&mut haproxy, ask()).await?.starts_with("set-var txn.instance "));
    Ok(())
}

/// Asks again when the handler has failed, with what it has kept of the call.
struct Again;

impl Layer for Again {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let (kept, owned) = (next.keep(), call.to_owned());
        match next.call(call, actions) {
            Reply::Failed(_) => Reply::later(
                async move {
                    sleep(Duration::from_millis(10)).await;
                    kept.call(&owned).await
                },
                actions,
            ),
            reply => reply,
        }
    }
}

#[actix_rt::test]
async fn a_layer_may_ask_later_when_the_frame_has_gone_and_more_often() -> Result {
    tokio::time::pause();
    thread_local!(static CALLS: Cell<i64> = const { Cell::new(0) });
    #[derive(Deserialize)]
    struct Args {
        text: String,
    }
    let function = |args: Args| {
        CALLS.set(CALLS.get() + 1);
        match CALLS.get() % 2 {
            0 => Ok(Actions::new().set_var(Scope::Transaction, "text", args.text.as_str())?),
            _ => Err::<_, BoxError>("not yet".into()),
        }
    };
    let route = Route::new(function).layer(|| Mark::new("a")).layer(|| Again);
    let agent = agent(route).await;
    let mut haproxy = agent.connect().await?;
    for n in 1..=50 {
        let text = format!("text {n}");
        let actions = answer(&mut haproxy, ask().arg("text", text.as_str())).await?;
        let asked_twice = format!("set-var txn.text {text:?}, set-var txn.a {}", 100 + 2 * n);
        assert_eq!(actions, asked_twice);
    }
    assert_eq!(agent.statistics().await.messages.answered, 50);
    Ok(())
}

#[actix_rt::test]
async fn the_bounds_of_a_route_are_outside_of_its_layers() -> Result {
    tokio::time::pause();
    let route = numbered::route()
        .layer(|| Mark::new("a"))
        .deadline(Duration::from_millis(100))
        .concurrency(1);
    let agent = agent(route).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask().arg("ms", 500)).await?, FALLBACK);
    // What a layer answers in place takes no permit.
    let hits = (0..20).map(|_| ask().arg("a_answers", true));
    let actions = haproxy.notify(hits.collect::<Vec<_>>()).await?.to_string();
    assert!(!actions.contains("fallback"), "{actions}");
    let both = [ask().arg("ms", 5), ask().arg("ms", 5)];
    let actions = haproxy.notify(both).await?.to_string();
    assert!(
        actions.ends_with(FALLBACK) && actions.starts_with("set-var txn.instance"),
        "{actions}"
    );
    let seen = agent.statistics().await.messages;
    assert_eq!((seen.deadline_exceeded, seen.route_full), (1, 1));
    Ok(())
}
