//! A handler that panics every hundredth call, under load, beside one that does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, BoxError, HandlerActor, IntoRoute, Origin, Registry, Route, Scope,
    observe::Statistics,
};
use spoa_integration::{Answer, Load, Version, on_every_haproxy};

use crate::fleet::CLIENTS;
use crate::scene::{self, REQUEST, endpoint, engine, error, set, shown};

/// So many calls a panic has: of all handlers that are made one after the other, together.
const CALLS: u64 = 100;
const REQUESTS: u64 = 1500;

/// Beyond what an answer takes on a busy machine; what is late has its fallback instead.
const DEADLINE: Duration = Duration::from_secs(2);

/// Greets a moment later, but for each hundredth call if it is unlucky.
struct Greeter {
    calls: Arc<AtomicU64>,
    is_unlucky: bool,
}

impl Greeter {
    fn new(is_unlucky: bool) -> Self {
        Self { calls: Arc::default(), is_unlucky }
    }

    /// The greeting, whose future is made in the call: both may panic.
    fn greet(&self) -> impl Future<Output = Result<Actions, ActionError>> + use<> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let is_due = self.is_unlucky && call.is_multiple_of(CALLS);
        assert!(!is_due || (call / CALLS).is_multiple_of(2), "asked to, in the call");
        async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            assert!(!is_due, "asked to, later");
            set("greeting", "hello")
        }
    }

    /// One that counts on from there.
    fn successor(&self) -> Self {
        Self { calls: Arc::clone(&self.calls), is_unlucky: self.is_unlucky }
    }
}

#[async_trait(?Send)]
impl HandlerActor for Greeter {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Result<Actions, BoxError> {
        Ok(self.greet().await?)
    }
}

/// With a fallback of its own.
fn route<Kind>(handler: impl IntoRoute<Kind>) -> Route {
    let fallback = Actions::new().set_var(Scope::Transaction, "greeting", "fallback").unwrap();
    Route::new(handler).deadline(DEADLINE).fallback(fallback)
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

/// Loads a route that panics every hundredth call and one that does not, side by side: each stream
/// has its answer, and no SPOE status is another than 0.
async fn all_are_answered(version: Version, unlucky: Route) -> Statistics {
    let _turn = scene::turn().await;
    let lucky = Greeter::new(false);
    let lucky = route(move |(): ()| lucky.greet());
    let agent = scene::agent(Registry::new().on("unlucky", unlucky).on("lucky", lucky)).await;
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
    assert_eq!((seen.connections_panicked, seen.notifies_cancelled), (0, 0));
    seen
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_18_a_function_that_panics_every_100th_call_leaves_no_stream_without_answer(
        version: Version
    ) {
        let greeter = Greeter::new(true);
        let unlucky = route(Route::new(move |(): ()| greeter.greet()));
        all_are_answered(version, unlucky).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_18_a_handler_that_panics_every_100th_call_leaves_no_stream_without_answer(
        version: Version
    ) {
        // More panics than its budget has: it has answered, so none of them spends it.
        let greeter = Greeter::new(true);
        let unlucky = route(move || greeter.successor());
        let seen = all_are_answered(version, unlucky).await;
        assert!(seen.handler_restarts >= 1, "{seen:#?}");
        assert_eq!((seen.handlers_down, seen.messages.circuit_open), (0, 0));
    }
}

#[derive(Deserialize)]
struct Request {
    path: String,
}

/// Panics over one path, as a client may choose it.
struct Vulnerable;

#[async_trait(?Send)]
impl HandlerActor for Vulnerable {
    type Args = Request;

    async fn handle(&self, request: Request, _: &Origin) -> Result<Actions, BoxError> {
        assert_ne!(request.path, "/poison", "asked to");
        Ok(set("greeting", "hello")?)
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn good_requests_are_answered_though_every_other_one_makes_their_handler_panic(
        version: Version
    ) {
        let _turn = scene::turn().await;
        let vulnerable = route(|| Vulnerable);
        let agent = scene::agent(Registry::new().on("ask", vulnerable)).await;
        let engine = engine(endpoint(&agent))
            .agent_line("option dontlog-normal")
            .message("ask", "path=path", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        let load = |path| Load::counting(CLIENTS / 2, REQUESTS).path(path);
        let (good, poison) = (load("/"), load("/poison"));
        let (good, poison) = tokio::join!(
            good.run_by(haproxy.http(), outcome),
            poison.run_by(haproxy.http(), outcome)
        );
        let (good, poison) = (good.unwrap(), poison.unwrap());
        let seen = agent.statistics().await;
        println!("{version}: {} restarts; {good:?} {poison:?}", seen.handler_restarts);
        assert_eq!(good.of("200 hello "), REQUESTS, "{good:?}");
        assert_eq!(poison.of("200 fallback "), REQUESTS, "{poison:?}");
        assert_eq!((seen.messages.panicked, seen.handlers_down), (REQUESTS, 0));
    }
}
