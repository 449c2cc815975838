//! Several messages in one event are one NOTIFY, and have one ACK.

use std::num::NonZero;
use std::time::Duration;

use serde::Deserialize;
use spoa_actors::spop::{Flags, FrameType};
use spoa_actors::{
    ActionError, Actions, Agent, BlockingHandler, BoxError, Message, Origin, ReadyHandler,
    Registry, Route, Scope,
};
use spoa_integration::{Config, Direction, Tap, on_every_haproxy};
use tokio::time::sleep;

use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, sets, shown};

/// Longer than a handler needs that answers at once.
const LATER: Duration = Duration::from_millis(20);

/// Answers only after others had their turn.
fn sets_late(name: &'static str, value: &'static str) -> Route {
    Route::new(move |(): ()| async move {
        sleep(LATER).await;
        set(name, value)
    })
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_actions_of_all_messages_are_in_one_ack_in_the_order_of_the_messages(
        version: Version
    ) {
        let first = Route::new(async |(): ()| {
            sleep(LATER).await;
            set("first", 1)?.set_var(Scope::Transaction, "last", 1)
        });
        let registry = Registry::new().on("first", first).on("second", sets("last", "2"));
        let agent = scene::agent(registry).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine =
            engine(tap.endpoint()).message("first", "", REQUEST).message("second", "", REQUEST);
        let headers = ["var(txn.t.first)", "var(txn.t.last)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["1", "2"], ""));
        tap.seen(FrameType::ACK, 1, SOON).await.unwrap();
        assert_eq!(tap.ids(FrameType::NOTIFY).len(), 1);
        assert_eq!(tap.ids(FrameType::ACK).len(), 1);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_39_a_message_without_a_handler_is_skipped_and_its_neighbours_answered(
        version: Version
    ) {
        let registry =
            Registry::new().on("before", sets("before", "a")).on("after", sets_late("after", "b"));
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent))
            .message("before", "", REQUEST)
            .message("unknown", "ip=src n=int(-1) s=str(text) bool(true)", REQUEST)
            .message("after", "", REQUEST);
        let headers = ["var(txn.t.before)", "var(txn.t.after)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["a", "b"], ""));
        let seen = agent.statistics().await;
        assert_eq!((seen.messages_without_route, seen.messages.answered), (1, 2));
        // Whoever looks for it sees what it was.
        let [unrouted] = &seen.unrouted[..] else { panic!("{:?}", seen.unrouted) };
        assert_eq!((&*unrouted.message, unrouted.count), ("unknown", 1));
        let arguments = unrouted.arguments.iter();
        let arguments: Vec<_> = arguments.map(|one| (&*one.name, one.kind, one.length)).collect();
        let expected =
            [("ip", "ipv4", None), ("n", "int64", None), ("s", "string", Some(4)), ("", "bool", None)];
        assert_eq!(arguments, expected);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_18_a_notify_without_any_handler_gets_an_empty_ack(version: Version) {
        let agent = scene::agent(Registry::new()).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = engine(tap.endpoint()).message("unknown", "ip=src", REQUEST);
        let haproxy = scene::haproxy(version, engine, scene::ERROR_ALONE).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((answer.status, error(&answer)), (200, ""));
        let frames = tap.seen(FrameType::ACK, 1, SOON).await.unwrap();
        let ack = frames.iter().find(|frame| frame.head.frame_type == FrameType::ACK).unwrap();
        assert_eq!((ack.direction, ack.head.flags), (Direction::ToHaproxy, Flags::FIN));
        assert_eq!(ack.bytes.len(), 7, "type, flags and two ids of one byte: {:?}", ack.bytes);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_catch_all_answers_what_has_no_route_of_its_own(version: Version) {
        let names = Route::new(|message: Message| set("name", message.name()));
        let registry = Registry::new().on("known", sets("known", "yes")).catch_all(names);
        let agent = scene::agent(registry).await;
        let engine =
            engine(endpoint(&agent)).message("known", "", REQUEST).message("other", "", REQUEST);
        let headers = ["var(txn.t.known)", "var(txn.t.name)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!(shown(&answer), ["yes", "other"]);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_event_whose_condition_leaves_no_message_asks_nothing(version: Version) {
        let agent = scene::agent(Registry::new().on("rare", sets("rare", "yes"))).await;
        let event = format!("{REQUEST} if {{ path /rare }}");
        let engine = engine(endpoint(&agent)).message("rare", "", &event);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.rare)"]).await;
        let often = haproxy.http().get("/often").await.unwrap();
        assert_eq!((shown(&often), error(&often)), (vec![""], ""));
        assert_eq!(agent.statistics().await.notifies, 0);
        assert_eq!(shown(&haproxy.http().get("/rare").await.unwrap()), ["yes"]);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_ack_that_is_filled_instead_of_empty_changes_nothing(version: Version) {
        let registry = Registry::new().on("greet", sets("greeting", "hello"));
        let agent = Agent::bind("127.0.0.1:0").unwrap().fill_empty_acks(true);
        let agent = agent.arbiters(NonZero::<usize>::MIN).start(registry).await.unwrap();
        let engine = engine(endpoint(&agent))
            .message("greet", "", &format!("{REQUEST} if {{ path /greet }}"))
            .message("nobody", "", REQUEST);
        let variables = ["var(txn.t.greeting)", "var(txn.t.spoa_none)"];
        let haproxy = scene::haproxy(version, engine, &variables).await;
        for (path, greeting) in [("/", ""), ("/greet", "hello"), ("/", "")] {
            let answer = haproxy.http().get(path).await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec![greeting, ""], ""));
        }
        let lines = haproxy.logs().spoe_lines(SOON, 3).await.unwrap();
        assert!(lines.iter().all(|line| line.status == 0), "{lines:?}");
    }
}

#[derive(Deserialize)]
struct Path {
    path: String,
}

#[derive(Deserialize)]
struct Method {
    method: String,
}

/// Both messages of an event, the second one if HAProxy sends it.
#[derive(Deserialize)]
struct Both {
    first: Option<Path>,
    second: Option<Method>,
}

fn describe(Both { first, second }: Both) -> Result<Actions, ActionError> {
    let path = first.map_or("-".to_owned(), |first| first.path);
    let method = second.map_or("-".to_owned(), |second| second.method);
    set("both", &*format!("{method} {path}"))
}

/// The same through handlers that answer at once, later and on a thread.
struct Kinds;

impl ReadyHandler for Kinds {
    type Args<'a> = Both;

    fn handle(&self, both: Both, _: &Origin) -> Result<Actions, BoxError> {
        Ok(describe(both)?)
    }
}

impl BlockingHandler for Kinds {
    type Args = Both;

    fn handle(&mut self, both: Both, _: &Origin) -> Result<Actions, BoxError> {
        Ok(describe(both)?)
    }
}

async fn describe_late(both: Both) -> Result<Actions, ActionError> {
    sleep(LATER).await;
    describe(both)
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_handler_takes_both_messages_of_an_event_in_one_call(version: Version) {
        let kinds = [
            Route::new(describe),
            Route::new(describe_late),
            Route::ready(|| Kinds),
            Route::blocking(NonZero::<usize>::MIN, || Kinds),
        ];
        for route in kinds {
            let registry = Registry::new()
                .on_notify(["first", "second"], route)
                .on("alone", sets("alone", "yes"));
            let agent = scene::agent(registry).await;
            let condition = format!("{REQUEST} if !{{ method HEAD }}");
            let engine = engine(endpoint(&agent))
                .message("first", "path=path", REQUEST)
                .message("alone", "", REQUEST)
                .message("second", "method=method", &condition);
            let headers = ["var(txn.t.both)", "var(txn.t.alone)"];
            let haproxy = scene::haproxy(version, engine, &headers).await;
            for path in ["/a", "/b"] {
                let answer = haproxy.http().get(path).await.unwrap();
                let both = format!("GET {path}");
                assert_eq!((shown(&answer), error(&answer)), (vec![&*both, "yes"], ""));
            }
            let seen = agent.statistics().await;
            let together = seen.routes.iter().find(|route| route.route == "first+second").unwrap();
            assert_eq!(together.outcomes().answered, 2);
            assert_eq!((seen.messages.answered, seen.messages_without_route), (4, 0));
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_message_that_a_condition_leaves_out_is_absent_from_the_call(version: Version) {
        let registry = Registry::new().on_notify(["first", "second"], describe);
        let agent = scene::agent(registry).await;
        let condition = format!("{REQUEST} if {{ path /both }}");
        let engine = engine(endpoint(&agent))
            .message("first", "path=path", REQUEST)
            .message("second", "method=method", &condition);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.both)"]).await;
        for (path, expected) in [("/both", "GET /both"), ("/one", "- /one")] {
            let answer = haproxy.http().get(path).await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec![expected], ""));
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_handler_takes_the_messages_of_a_group_in_one_call(version: Version) {
        let registry = Registry::new().on_notify(["first", "second"], describe_late);
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent))
            .message("first", "path=path", "")
            .message("second", "method=method", "")
            .group("g", "second first");
        let config = Config::new(version)
            .engine(engine)
            .frontend("http-request send-spoe-group t g")
            .frontend(ANSWER);
        let haproxy = scene::start(scene::showing(config, &["var(txn.t.both)"])).await;
        let answer = haproxy.http().get("/in-a-group").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["GET /in-a-group"], ""));
    }
}
