//! A handler that panics every hundredth call, under load, beside one that does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spoa_actors::{Actions, Registry, Route, Scope, handler_fn};
use spoa_integration::{Answer, Load, on_every_haproxy};

use crate::fleet::CLIENTS;
use crate::scene::{self, REQUEST, endpoint, engine, error, set, shown};

/// So many calls a panic has: of all handlers that are made one after the other, together.
const CALLS: u64 = 100;
const REQUESTS: u64 = 1500;

/// Beyond what an answer takes on a busy machine; what is late has its fallback instead.
const DEADLINE: Duration = Duration::from_secs(2);

/// Greets a moment later, but for each hundredth call if it is `unlucky`.
fn greets(is_unlucky: bool) -> Route {
    let calls = Arc::new(AtomicU64::new(0));
    let greet = handler_fn(move |(): ()| {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        // Both in the call itself and in its future.
        assert!(!is_unlucky || !call.is_multiple_of(2 * CALLS), "asked to, in the call");
        async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            assert!(!is_unlucky || !call.is_multiple_of(CALLS), "asked to, later");
            set("greeting", "hello")
        }
    });
    let fallback = Actions::none().set_var(Scope::Transaction, "greeting", "fallback").unwrap();
    greet.deadline(DEADLINE).fallback(fallback)
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_18_a_handler_that_panics_every_100th_call_leaves_no_stream_without_answer(
        version: Version
    ) {
        let _turn = scene::turn().await;
        let registry = Registry::new().on("unlucky", greets(true)).on("lucky", greets(false));
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent))
            .agent_line("option dontlog-normal")
            .message("unlucky", "ip=src", &format!("{REQUEST} if {{ path /unlucky }}"))
            .message("lucky", "ip=src", &format!("{REQUEST} if {{ path /lucky }}"));
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        let load = |path| Load::counting(CLIENTS / 2, REQUESTS).path(path);
        let (unlucky, lucky) = (load("/unlucky"), load("/lucky"));
        let (unlucky, lucky) = tokio::join!(
            unlucky.run_by(haproxy.http(), outcome),
            lucky.run_by(haproxy.http(), outcome)
        );
        let (unlucky, lucky) = (unlucky.unwrap(), lucky.unwrap());
        assert_eq!(lucky.of("200 hello "), REQUESTS, "a late one had its fallback: {lucky:?}");
        let (greeted, fallen_back) = (unlucky.of("200 hello "), unlucky.of("200 fallback "));
        assert_eq!(greeted + fallen_back, REQUESTS, "{unlucky:?}");
        assert_eq!(haproxy.logs().spoe(), [], "no SPOE status but 0");

        let seen = agent.statistics().await;
        let outcomes = seen.messages;
        println!("{version}: {} panics, {fallen_back} fallbacks; {lucky:?}", outcomes.panicked);
        assert!((1..=fallen_back).contains(&outcomes.panicked), "{outcomes:?}");
        assert_eq!(outcomes.answered, REQUESTS + greeted, "{outcomes:?}");
        assert_eq!((seen.notifies, seen.acks), (2 * REQUESTS, 2 * REQUESTS));
        assert_eq!((seen.connections_panicked, seen.cancelled), (0, 0));
    }
}
