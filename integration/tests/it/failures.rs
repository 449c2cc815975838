//! A handler that fails, panics, is late or was given wrong arguments: HAProxy never hears of it.

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use spoa_actors::spop::FrameType;
use spoa_actors::{ActionError, Actions, BoxError, Registry, Route, Scope};
use spoa_integration::{Answer, Engine, Load, Tap, on_every_haproxy};

use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, sets, shown};

type Nothing = Result<Actions, ActionError>;

/// Long enough for a handler that answers at once, even on a busy machine.
const DEADLINE: Duration = Duration::from_millis(300);

#[derive(Deserialize)]
struct Number {
    #[expect(dead_code, reason = "it never is one")]
    n: u8,
}

/// Every way in which a handler can have no answer, by message name.
fn faults() -> [(&'static str, Route); 8] {
    let panics = Route::new(|(): ()| -> Nothing { panic!("asked to") });
    let panics_later = Route::new(async |(): ()| -> Nothing {
        tokio::task::yield_now().await;
        panic!("asked to")
    });
    let number = || Route::new(|_: Number| Ok::<_, ActionError>(Actions::new()));
    [
        ("fails", Route::new(|(): ()| Err::<Actions, BoxError>("asked to".into()))),
        ("panics", panics),
        ("panics-later", panics_later),
        ("never", Route::new(async |(): ()| pending::<Nothing>().await).deadline(DEADLINE)),
        ("wrong-type", number()),
        ("out-of-range", number()),
        ("missing", number()),
        ("null", number()),
    ]
}

fn args(name: &str) -> &'static str {
    match name {
        "wrong-type" => "n=str(seven)",
        "out-of-range" => "n=int(256)",
        "null" => "n=req.hdr(x-absent)",
        _ => "other=int(1)",
    }
}

/// Each fault has a fallback of its own, between two messages that are answered.
fn registry() -> Registry {
    let registry =
        Registry::new().on("before", sets("before", "a")).on("after", sets("after", "b"));
    faults().into_iter().fold(registry, |registry, (name, route)| {
        let variable = name.replace('-', "_");
        let fallback = Actions::new().set_var(Scope::Transaction, &variable, "fallback");
        registry.on(name, route.fallback(fallback.unwrap()))
    })
}

fn asks(engine: Engine) -> Engine {
    let faulty = format!("{REQUEST} if {{ path /faulty }}");
    let engine = engine.message("before", "", REQUEST);
    let names = faults().map(|(name, _)| name);
    let engine =
        names.iter().fold(engine, |engine, name| engine.message(name, args(name), &faulty));
    engine.message("after", "", REQUEST)
}

fn headers() -> Vec<String> {
    let names = faults().map(|(name, _)| name.replace('-', "_"));
    let names = ["before".to_owned()].into_iter().chain(names).chain(["after".to_owned()]);
    names.map(|name| format!("var(txn.t.{name})")).collect()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_18_19_each_fault_leaves_its_fallback_and_its_neighbours_their_answers(
        version: Version
    ) {
        let agent = scene::agent(registry()).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let headers = headers();
        let haproxy = scene::haproxy(version, asks(engine(tap.endpoint())), &headers).await;

        let answer = haproxy.http().get("/faulty").await.unwrap();
        let mut expected = vec!["fallback"; headers.len()];
        (expected[0], expected[headers.len() - 1]) = ("a", "b");
        assert_eq!((shown(&answer), error(&answer)), (expected, ""));
        tap.seen(FrameType::ACK, 1, SOON).await.unwrap();
        assert_eq!(tap.ids(FrameType::ACK), tap.ids(FrameType::NOTIFY));

        let sound = haproxy.http().get("/sound").await.unwrap();
        let ends = (shown(&sound)[0], *shown(&sound).last().unwrap());
        assert_eq!((ends, error(&sound)), (("a", "b"), ""));
        let seen = agent.statistics().await;
        assert_eq!(seen.connections_open, seen.connections_accepted, "no connection was lost");
        assert_eq!((seen.notifies, seen.acks, seen.connections_panicked), (2, 2, 0));
        let outcomes = seen.messages;
        assert_eq!((outcomes.answered, outcomes.failed, outcomes.panicked), (4, 1, 2));
        assert_eq!((outcomes.bad_arguments, outcomes.deadline_exceeded, outcomes.actor_stopped), (4, 1, 0));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn faulty_requests_do_not_disturb_others_under_way(version: Version) {
        let agent = scene::agent(registry()).await;
        let engine = asks(engine(endpoint(&agent)));
        let headers = ["var(txn.t.never)", "var(txn.t.after)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        let faulty = Load::counting(8, 24).path("/faulty");
        let sound = Load::counting(8, 400).path("/sound");
        let key = |answer: &Answer| format!("{:?}{}", shown(answer), error(answer));
        let (faulty, sound) =
            tokio::join!(faulty.run_by(haproxy.http(), key), sound.run_by(haproxy.http(), key));
        let (faulty, sound) = (faulty.unwrap(), sound.unwrap());
        assert_eq!(faulty.of(r#"["fallback", "b"]"#), 24, "{faulty:?}");
        assert_eq!(sound.of(r#"["", "b"]"#), 400, "{sound:?}");
        let seen = agent.statistics().await;
        assert_eq!((seen.notifies, seen.acks, seen.notifies_in_flight), (424, 424, 0));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_19_an_answer_after_the_deadline_is_dropped(version: Version) {
        let late = Route::new(async |(): ()| {
            tokio::time::sleep(2 * DEADLINE).await;
            Actions::new().set_var(Scope::Transaction, "late", "answer")
        });
        let fallback = Actions::new().set_var(Scope::Transaction, "late", "fallback").unwrap();
        let route = late.deadline(DEADLINE).fallback(fallback);
        let agent = scene::agent(Registry::new().on("late", route)).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = engine(tap.endpoint()).message("late", "ip=src", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.late)"]).await;
        // The second request is asked when the first answer would have been given.
        for _ in 0..2 {
            let answer = haproxy.http().get("/").await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec!["fallback"], ""));
        }
        assert_eq!(tap.ids(FrameType::ACK), tap.ids(FrameType::NOTIFY));
        assert_eq!(agent.statistics().await.messages.deadline_exceeded, 2);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_fallback_is_of_the_types_that_an_answer_may_have(version: Version) {
        let fallback = Actions::new()
            .set_var(Scope::Session, "score", -1)
            .and_then(|actions| actions.set_var(Scope::Transaction, "ip", Ipv4Addr::LOCALHOST))
            .unwrap();
        let fails = Route::new(|(): ()| Err::<Actions, BoxError>("asked to".into()));
        let agent = scene::agent(Registry::new().on("fails", fails.fallback(fallback))).await;
        let engine = engine(endpoint(&agent)).message("fails", "ip=src", REQUEST);
        let headers = ["var(sess.t.score)", "var(txn.t.ip)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        assert_eq!(shown(&haproxy.http().get("/").await.unwrap()), ["-1", "127.0.0.1"]);
    }
}
