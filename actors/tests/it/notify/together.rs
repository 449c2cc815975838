//! Routes that take several messages of one NOTIFY together.

use std::{cell::Cell, num::NonZero, time::Duration};

use actix::{Actor, Context};
use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    Actions, AgentError, BlockingHandler, BoxError, Call, Deadline, Handler, HandlerActor,
    HandlerError, Layer, Limits, MailboxCall, Message, Messages, Next, Origin, ReadyHandler,
    Registry, Reply, Route, Scope,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::sleep;

use crate::support::{Answered, FALLBACK, Result, variable};

#[derive(Deserialize)]
struct A {
    n: i64,
}

#[derive(Deserialize)]
struct B<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
struct OwnedB {
    text: String,
}

/// One field a message.
#[derive(Deserialize)]
struct Both<'a> {
    a: Option<A>,
    #[serde(borrow)]
    b: Option<B<'a>>,
}

#[derive(Deserialize)]
struct OwnedBoth {
    a: Option<A>,
    b: Option<OwnedB>,
}

/// What is answered to these messages.
fn sum(n: Option<i64>, text: Option<&str>) -> Answered {
    Ok(Actions::new().set_var(Scope::Transaction, "n", n)?.set_var(
        Scope::Transaction,
        "text",
        text,
    )?)
}

fn both(OwnedBoth { a, b }: OwnedBoth) -> Answered {
    sum(a.map(|a| a.n), b.as_ref().map(|b| &*b.text))
}

async fn both_later(args: OwnedBoth) -> Answered {
    sleep(Duration::from_millis(1)).await;
    both(args)
}

struct Kinds;

impl ReadyHandler for Kinds {
    type Args<'a> = Both<'a>;

    fn handle(&self, Both { a, b }: Both<'_>, _: &Origin) -> Answered {
        sum(a.map(|a| a.n), b.map(|b| b.text))
    }
}

#[async_trait(?Send)]
impl HandlerActor for Kinds {
    type Args = OwnedBoth;

    async fn handle(&self, args: OwnedBoth, _: &Origin) -> Answered {
        both_later(args).await
    }
}

impl BlockingHandler for Kinds {
    type Args = OwnedBoth;

    fn handle(&mut self, args: OwnedBoth, _: &Origin) -> Answered {
        both(args)
    }
}

impl Actor for Kinds {
    type Context = Context<Self>;
}

impl actix::Handler<MailboxCall> for Kinds {
    type Result = Answered;

    fn handle(&mut self, call: MailboxCall, _: &mut Context<Self>) -> Answered {
        let get = |name: &str, arg: &str| {
            let message = call.messages().iter().find(|message| message.name() == name.as_bytes());
            message.map(|message| message.as_ref().get(arg).map(|value| value.to_string()))
        };
        let n = get("a", "n").flatten().map(|n| n.parse()).transpose()?;
        let text = get("b", "text").flatten().map(|text| text.trim_matches('"').to_owned());
        sum(n, text.as_deref())
    }
}

impl Handler for Kinds {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        Reply::now(
            call.args()
                .map_err(HandlerError::from)
                .and_then(|Both { a, b }| Ok(sum(a.map(|a| a.n), b.map(|b| b.text))?)),
            actions,
        )
    }
}

fn kinds() -> [(&'static str, Route); 7] {
    [
        ("function", Route::new(both)),
        ("async function", Route::new(both_later)),
        ("ready", Route::ready(|| Kinds)),
        ("actor", Route::new(|| -> Kinds { Kinds })),
        ("blocking", Route::blocking(NonZero::<usize>::MIN, || Kinds)),
        ("raw", Route::actor(|| Kinds.start())),
        ("own", Route::handler(|| Kinds)),
    ]
}

fn a(n: i64) -> Message {
    Message::new("a").arg("n", n)
}

fn b(text: &str) -> Message {
    Message::new("b").arg("text", text)
}

fn c() -> Message {
    Message::new("c")
}

fn answer(n: Option<i64>, text: Option<&str>) -> String {
    sum(n, text).unwrap().to_string()
}

async fn ask(haproxy: &mut FakeHaproxy, messages: impl Into<Messages>) -> Result<String> {
    Ok(haproxy.notify(messages).await?.to_string())
}

#[actix_rt::test]
async fn a_handler_of_any_kind_takes_those_that_are_there_in_one_call() -> Result {
    for (kind, route) in kinds() {
        let registry = Registry::new()
            .on("c", || variable("c", 1))
            .on_notify(["a", "b"], route.fallback(variable("fallback", -1)))
            .catch_all(|| variable("other", 1));
        let agent = InMemoryAgent::start(registry, Limits::default()).await?;
        let mut haproxy = agent.connect().await?;
        let together = answer(Some(7), Some("x"));
        let other = Message::new("other");
        for (messages, expected) in [
            (vec![a(7), b("x")], together.clone()),
            (vec![b("x"), a(7)], together.clone()),
            (vec![a(7)], answer(Some(7), None)),
            (vec![b("x")], answer(None, Some("x"))),
            // What is not named goes to its own route; the answer stands where the first of them is.
            (vec![c(), a(7), c(), b("x"), c()], {
                format!("set-var txn.c 1, {together}, set-var txn.c 1, set-var txn.c 1")
            }),
            (vec![b("x"), other.clone(), a(7)], format!("{together}, set-var txn.other 1")),
            (vec![other, c()], "set-var txn.other 1, set-var txn.c 1".to_owned()),
            (vec![a(7), b("x").arg("text", "twice")], FALLBACK.to_owned()),
        ] {
            let text = format!("{kind}: {messages:?}");
            if kind == "raw" && expected == FALLBACK {
                continue;
            }
            assert_eq!(ask(&mut haproxy, messages).await?, expected, "{text}");
        }
        let seen = agent.statistics().await;
        let route = seen.routes.iter().find(|route| route.route == "a+b").unwrap();
        assert_eq!(route.outcomes().answered, 6, "{kind}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_message_that_a_type_asks_for_and_that_is_not_there_leaves_the_fallback() -> Result {
    #[derive(Deserialize)]
    struct Needs {
        a: A,
        b: Option<()>,
    }
    let needs = |Needs { a, b }: Needs| variable("n", a.n + if b.is_some() { 100 } else { 0 });
    let route = Route::new(needs).fallback(variable("fallback", -1));
    let mut haproxy = FakeHaproxy::start(Registry::new().on_notify(["a", "b"], route)).await?;
    assert_eq!(ask(&mut haproxy, [a(1)]).await?, "set-var txn.n 1");
    // A message without arguments is there too.
    assert_eq!(ask(&mut haproxy, [Message::new("b"), a(1)]).await?, "set-var txn.n 101");
    assert_eq!(ask(&mut haproxy, [b("x")]).await?, FALLBACK);
    assert_eq!(ask(&mut haproxy, [a(1), a(2)]).await?, FALLBACK);
    Ok(())
}

#[test]
fn an_error_names_the_message_and_the_argument() {
    let error = |messages: &[Message]| {
        let messages: Vec<_> = messages.iter().map(Message::as_ref).collect();
        spoa_actors::FromMessage::from_messages(&messages).map(|_: OwnedBoth| ()).unwrap_err()
    };
    let text = error(&[a(1), Message::new("b").arg("text", 7)]).to_string();
    assert!(text.starts_with("argument \"text\" of message \"b\": invalid type"), "{text}");
    let text = error(&[a(1), Message::new("b")]).to_string();
    assert!(text.starts_with("argument \"text\" of message \"b\": is missing"), "{text}");
    assert_eq!(error(&[a(1), a(2)]).to_string(), "message \"a\": is more than once in this NOTIFY");
    let one = spoa_actors::FromMessage::from_messages(&[a(1).as_ref(), b("x").as_ref()]);
    let text = one.map(|_: Message| ()).unwrap_err().to_string();
    assert!(text.contains("a struct with a field per message"), "{text}");
}

#[actix_rt::test]
async fn its_deadline_is_the_shortest_of_its_route_and_its_messages() -> Result {
    tokio::time::pause();
    let left = |deadline: Deadline, _: Messages| {
        variable("left", i64::try_from(deadline.remaining().as_millis()).unwrap())
    };
    let route = Route::new(left)
        .fallback(variable("fallback", -1))
        .deadline(Duration::from_millis(300))
        .deadline_argument("ms");
    let mut haproxy = FakeHaproxy::start(Registry::new().on_notify(["a", "b"], route)).await?;
    for (first, second, expected) in [(500, 900, 300), (200, 400, 200), (400, 200, 200)] {
        let messages = [Message::new("a").arg("ms", first), Message::new("b").arg("ms", second)];
        assert_eq!(ask(&mut haproxy, messages).await?, format!("set-var txn.left {expected}"));
    }
    let messages = [Message::new("a").arg("ms", 100), Message::new("b").arg("ms", 0)];
    assert_eq!(ask(&mut haproxy, messages).await?, FALLBACK);
    Ok(())
}

#[actix_rt::test]
async fn there_is_one_fallback_one_place_and_one_permit_for_all_of_them() -> Result {
    tokio::time::pause();
    let never = async |_: Messages| -> Actions { std::future::pending().await };
    let route = || {
        Route::new(never)
            .fallback(variable("fallback", -1))
            .deadline(Duration::from_millis(50))
            .concurrency(1)
    };
    let registry = Registry::new().on_notify(["a", "b"], route()).on_notify(["c", "d"], route());
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    let d = || Message::new("d");
    let actions = ask(&mut haproxy, [a(1), c(), b("x"), d(), a(2)]).await?;
    assert_eq!(actions, format!("{FALLBACK}, {FALLBACK}"));
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.deadline_exceeded, seen.messages.route_full), (2, 0));
    // Those behind the first 1,024 messages get one fallback together, and no call.
    let mut many: Vec<_> = (0..1024).map(|_| Message::new("unknown")).collect();
    many.extend([a(1), b("x"), a(2)]);
    assert_eq!(ask(&mut haproxy, many).await?, FALLBACK);
    assert_eq!(agent.statistics().await.messages.too_many_messages, 1);
    Ok(())
}

#[actix_rt::test]
async fn any_number_of_messages_of_its_names_are_one_call_up_to_the_bound() -> Result {
    let count = |messages: Messages| variable("count", i64::try_from(messages.len()).unwrap());
    let registry = Registry::new().on_notify(["a", "b"], count).on("c", || ());
    let mut haproxy = FakeHaproxy::start(registry).await?;
    for (n, expected) in [(1, 1), (7, 7), (8, 8), (9, 9), (500, 500), (1024, 1024), (1500, 1024)] {
        let messages: Vec<_> = (0..n).map(|n| if n % 2 == 0 { a(1) } else { b("x") }).collect();
        let actions = ask(&mut haproxy, messages).await?;
        assert_eq!(actions, format!("set-var txn.count {expected}"), "of {n}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_panic_leaves_one_fallback_and_a_new_instance_behind_the_same_layers() -> Result {
    thread_local!(static MADE: Cell<i64> = const { Cell::new(0) });
    struct Own(i64);
    impl Handler for Own {
        fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
            assert!(call.get("b").is_none(), "as asked");
            Reply::now::<HandlerError>(Ok(variable("instance", self.0)), actions)
        }
    }
    struct Count;
    impl Layer for Count {
        fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
            let count = i64::try_from(call.messages().len()).unwrap();
            let (kept, owned) = (next.keep(), call.to_owned());
            let answer = async move {
                sleep(Duration::from_millis(1)).await;
                let mut actions = kept.call(&owned).await?;
                actions.append(variable("count", count));
                Ok(actions)
            };
            Reply::later(answer, actions)
        }
    }
    tokio::time::pause();
    let route = Route::handler(|| {
        MADE.set(MADE.get() + 1);
        Own(MADE.get())
    });
    let route = route.layer(|| Count).fallback(variable("fallback", -1));
    let mut haproxy = FakeHaproxy::start(Registry::new().on_notify(["a", "b"], route)).await?;
    for number in 1..=3 {
        let actions = ask(&mut haproxy, [a(1), a(2)]).await?;
        assert_eq!(actions, format!("set-var txn.instance {number}, set-var txn.count 2"));
        assert_eq!(ask(&mut haproxy, [a(1), b("x")]).await?, FALLBACK);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_reload_takes_it_over_by_its_name_with_its_state() -> Result {
    struct Calls(Cell<i64>);
    impl Handler for Calls {
        fn call(&self, _: &Call<'_>, actions: &mut Actions) -> Reply {
            self.0.set(self.0.get() + 1);
            Reply::now::<HandlerError>(Ok(variable("calls", self.0.get())), actions)
        }
    }
    let calls = || Route::handler(|| Calls(Cell::new(0)));
    let registry = Registry::new().on_notify(["a", "b"], calls());
    let agent = InMemoryAgent::start(registry.clone(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(ask(&mut haproxy, [a(1), b("x")]).await?, "set-var txn.calls 1");
    let registry = registry.on("c", || variable("c", 1));
    agent.reload(registry.clone()).await.unwrap();
    assert_eq!(ask(&mut haproxy, [a(1), c()]).await?, "set-var txn.calls 2, set-var txn.c 1");
    assert!(registry.get("a+b").is_some() && registry.get("a").is_none());
    agent.reload(registry.clone().replace("a+b", calls())).await.unwrap();
    assert_eq!(ask(&mut haproxy, [b("x"), a(1)]).await?, "set-var txn.calls 1");
    agent.reload(registry.remove("a+b")).await.unwrap();
    assert_eq!(ask(&mut haproxy, [b("x"), c(), a(1)]).await?, "set-var txn.c 1");
    Ok(())
}

#[actix_rt::test]
async fn a_name_in_two_routes_or_no_name_is_an_error_when_the_agent_starts() {
    let start =
        async |registry| InMemoryAgent::start(registry, Limits::default()).await.unwrap_err();
    let error = start(Registry::new().on_notify(["a", "b"], || ()).on("b", || ())).await;
    assert_eq!(
        error.to_string(),
        "message \"b\" has two routes, \"a+b\" and \"b\": register it once"
    );
    let error = start(Registry::new().on_notify(["a", "b", "a"], || ())).await;
    assert!(matches!(error, AgentError::DuplicateRoute { .. }), "{error}");
    // Counts are kept by the name of the route.
    let error = start(Registry::new().on_notify(["a", "b"], || ()).on("a+b", || ())).await;
    assert!(matches!(error, AgentError::DuplicateRoute { .. }), "{error}");
    let error = start(Registry::new().on_notify([""; 0], || ())).await;
    assert!(error.to_string().contains("Registry::on_notify"), "{error}");
    let registry = Registry::new().on_notify(["a", "b"], || ()).on("c", || ());
    assert_eq!(registry.names().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[actix_rt::test]
async fn whatever_comes_each_message_is_answered_as_its_route_has_it() -> Result {
    /// Answers with the names in a call.
    fn names(messages: Messages) -> std::result::Result<Actions, BoxError> {
        let names: Vec<_> =
            messages.map(|message| String::from_utf8_lossy(message.name()).into_owned()).collect();
        Ok(Actions::new().set_var(Scope::Transaction, "names", names.join(" ").as_str())?)
    }
    async fn names_later(messages: Messages) -> std::result::Result<Actions, BoxError> {
        tokio::task::yield_now().await;
        names(messages)
    }
    let groups: [&[&str]; 3] = [&["a", "b", "c"], &["d", "e"], &["f"]];
    let registry = Registry::new()
        .on_notify(["a", "b", "c"], names)
        .on_notify(["d", "e"], names_later)
        .on_notify(["f"], names)
        .on("g", names)
        .on("h", names_later)
        .catch_all(names);
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let sent: Vec<_> = (0..random.usize(0..24))
            .map(|_| random.choice(["a", "b", "c", "d", "e", "f", "g", "h", "i"]).unwrap())
            .collect();
        let mut taken = [false; 3];
        let mut expected = Vec::new();
        for name in &sent {
            let group = groups.iter().position(|group| group.contains(name));
            match group {
                None => expected.push((*name).to_owned()),
                Some(group) if taken[group] => {}
                Some(group) => {
                    taken[group] = true;
                    let all: Vec<_> =
                        sent.iter().filter(|name| groups[group].contains(name)).copied().collect();
                    expected.push(all.join(" "));
                }
            }
        }
        let expected: Vec<_> =
            expected.iter().map(|names| format!("set-var txn.names {names:?}")).collect();
        let messages: Vec<_> = sent.iter().map(Message::new).collect();
        assert_eq!(ask(&mut haproxy, messages).await?, expected.join(", "), "{sent:?}");
    }
    Ok(())
}
