//! Request and response of one transaction are two events, and what relates them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use spoa_actors::spop::FrameType;
use spoa_actors::{ActionError, Actions, BoxError, Registry, Route};
use spoa_integration::{App, Config, Engine, Tap, Version, on_every_haproxy};
use spoa_integration::{on_old_engines, until};

use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, sets, shown};

#[derive(Deserialize)]
struct Request {
    id: String,
    path: String,
}

#[derive(Deserialize)]
struct Response {
    id: String,
    status: u16,
}

/// Remembers each request by its unique-id, and tells the response what it was.
fn registry() -> Registry {
    let paths = Arc::new(Mutex::new(HashMap::new()));
    let asked = Arc::clone(&paths);
    let request = Route::new(move |request: Request| {
        asked.lock().unwrap().insert(request.id, request.path);
        Ok::<_, ActionError>(Actions::new())
    });
    let response = Route::new(move |response: Response| {
        let path = paths.lock().unwrap().remove(&response.id).ok_or("no such request")?;
        let told = format!("{path} was answered with {}", response.status);
        Ok::<_, BoxError>(set("told", &told)?)
    });
    Registry::new().on("request", request).on("response", response)
}

fn both_events(engine: Engine) -> Engine {
    engine.message("request", "id=unique-id path=path", REQUEST).message(
        "response",
        "id=unique-id status=status",
        "on-http-response",
    )
}

fn config(version: Version, engine: Engine, app: &App) -> Config {
    let config = Config::new(version).engine(both_events(engine)).app(app.address());
    // Client address and port, a counter, and the process id.
    let config = config.frontend("unique-id-format %{+X}o\\ %ci:%cp_%rt:%pid");
    scene::showing(config, &["var(txn.t.told)"])
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_14_44_an_argument_relates_the_response_to_its_request(version: Version) {
        let app = App::start().await.unwrap();
        let agent = scene::agent(registry()).await;
        let haproxy = scene::start(config(version, engine(endpoint(&agent)), &app)).await;
        let mut clients = tokio::task::JoinSet::new();
        for status in 400..410 {
            let http = haproxy.http().clone();
            clients.spawn(async move {
                let path = format!("/status/{status}");
                let answer = http.get(&path).await.unwrap();
                let told = format!("{path} was answered with {status}");
                assert_eq!((shown(&answer), error(&answer)), (vec![told.as_str()], ""));
            });
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        let seen = agent.statistics().await;
        assert_eq!((seen.notifies, seen.acks, seen.messages.answered), (20, 20, 20));
    }
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
    status: u16,
}

/// Has HAProxy keep what the request was: the response may come to another arbiter, or another agent.
fn forgetful() -> Registry {
    #[derive(Deserialize)]
    struct Path {
        path: String,
    }
    let request = Route::new(|request: Path| set("ticket", &request.path));
    let response = Route::new(|response: Ticket| {
        let told = format!("{} was answered with {}", response.ticket, response.status);
        set("told", &told)
    });
    Registry::new().on("request", request).on("response", response)
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_value_handed_back_relates_every_response_to_its_request(version: Version) {
        const REQUESTS: usize = 60;
        let app = App::start().await.unwrap();
        let (one, other) = (scene::agent(forgetful()).await, scene::agent(forgetful()).await);
        let engine = engine(endpoint(&one))
            .agent(endpoint(&other))
            .backend_line("balance roundrobin")
            .message("request", "path=path", REQUEST)
            .message("response", "ticket=var(txn.t.ticket) status=status", "on-http-response");
        let config = Config::new(version).threads(2).engine(engine).app(app.address());
        let haproxy = scene::start(scene::showing(config, &["var(txn.t.told)"])).await;
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..REQUESTS {
            let http = haproxy.http().clone();
            clients.spawn(async move {
                let path = format!("/{number}");
                let answer = http.get(&path).await.unwrap();
                let told = format!("{path} was answered with 200");
                assert_eq!((shown(&answer), error(&answer)), (vec![told.as_str()], ""));
            });
        }
        assert_eq!(clients.join_all().await.len(), REQUESTS);
        let (one, other) = (one.statistics().await.notifies, other.statistics().await.notifies);
        assert_eq!(one + other, 2 * REQUESTS as u64);
        assert!(one > 0 && other > 0, "{one} and {other}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_14_both_events_of_a_stream_are_answered_under_their_own_ids(
        version: Version
    ) {
        let app = App::start().await.unwrap();
        let agent = scene::agent(registry()).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let haproxy = scene::start(config(version, engine(tap.endpoint()), &app)).await;
        let answer = haproxy.http().get("/status/404").await.unwrap();
        assert_eq!(shown(&answer), ["/status/404 was answered with 404"]);
        tap.seen(FrameType::ACK, 2, SOON).await.unwrap();
        let ids = tap.ids(FrameType::NOTIFY);
        assert_eq!(tap.ids(FrameType::ACK), ids);
        let ((first, _), (second, _)) = (ids[0], ids[1]);
        if version.has_new_engine() {
            assert_ne!(first, second);
            assert_eq!(ids, [(first, 1), (second, 1)]);
        } else {
            assert_eq!(ids, [(first, 1), (first, 2)]);
        }
    }
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_12_stream_id_0_is_answered_like_any_other(version: Version) {
        let agent = scene::agent(Registry::new().on("greet", sets("greeting", "hello"))).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = engine(tap.endpoint()).message("greet", "", REQUEST);
        let config = Config::new(version).untouched().engine(engine).frontend(ANSWER);
        let haproxy = scene::start(scene::showing(config, &["var(txn.t.greeting)"])).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["hello"], ""));
        assert_eq!(tap.ids(FrameType::NOTIFY), [(0, 1)]);
        assert_eq!(tap.ids(FrameType::ACK), [(0, 1)]);
    }
}

// In HTTP mode the event is one of each request, and not of the connection.
on_every_haproxy! {
    #[actix_rt::test]
    async fn a_session_event_and_a_request_event_are_two_notifies(version: Version) {
        let registry = Registry::new()
            .on("session", sets("session", "one"))
            .on("request", sets("request", "two"));
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent))
            .message("session", "ip=src", "on-client-session")
            .message("request", "ip=src", REQUEST);
        let headers = ["var(txn.t.session)", "var(txn.t.request)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        for requests in 1..=3 {
            let answer = haproxy.http().get("/").await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec!["one", "two"], ""));
            assert_eq!(agent.statistics().await.notifies, 2 * requests);
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_group_is_answered_before_the_next_rule_runs(version: Version) {
        let agent = scene::agent(Registry::new().on("decide", sets("verdict", "deny"))).await;
        let engine =
            engine(endpoint(&agent)).message("decide", "ip=src", "").group("ask", "decide");
        let config = Config::new(version)
            .engine(engine)
            .frontend("http-request send-spoe-group t ask")
            .frontend("http-request deny if { var(txn.t.verdict) -m str deny }")
            .frontend(ANSWER);
        let haproxy = scene::start(config).await;
        assert_eq!(haproxy.http().get("/").await.unwrap().status, 403);
        let group = until("the log of the group", SOON, async || {
            haproxy.logs().spoe().into_iter().find(|line| line.event == "ask")
        });
        assert_eq!(group.await.unwrap().status, 0);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_group_that_no_rule_sends_is_checked_for_and_never_asked(version: Version) {
        let agent = scene::agent(registry()).await;
        let engine = engine(endpoint(&agent)).spop_check();
        let engine = engine.message("request", "id=unique-id path=path", "").group("ask", "request");
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.told)"]).await;
        let checked = async || (agent.statistics().await.healthchecks > 2).then_some(());
        until("the agent is checked", SOON, checked).await.unwrap();
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec![""], ""));
        // So a HELLO tells an agent that is asked from one that is not.
        let seen = agent.statistics().await;
        assert_eq!((seen.hellos, seen.notifies), (0, 0));
    }
}
