//! What happens in handlers, as spans: the example `traced`, with an OpenTelemetry of its own.

use std::net::{SocketAddr, TcpListener};

use spoa_integration::{AgentProcess, App, Rotel, Span, Version, on_every_haproxy};

use crate::collector::{self, count, only, received};
use crate::scene::{self, REQUEST, SOON};

async fn traced(rotel: &Rotel, server: SocketAddr) -> AgentProcess {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", &*rotel.http());
    AgentProcess::of_examples("traced", &server.to_string(), endpoint).await.unwrap()
}

async fn stop(agent: &mut AgentProcess, rotel: &Rotel) -> Vec<Span> {
    agent.terminate().unwrap();
    assert!(agent.ended(SOON).await.unwrap().success());
    received(rotel, |spans| count(spans, "connection") > 0).await
}

fn child<'a>(spans: &'a [Span], parent: &Span, name: &str) -> &'a Span {
    let children: Vec<_> = spans.iter().filter(|span| span.parent_id == parent.id).collect();
    match children[..] {
        [child] if child.name == name => child,
        _ => panic!("not one {name} in {parent:#?}\n{spans:#?}"),
    }
}

fn events(span: &Span) -> Vec<&str> {
    span.events.iter().map(|event| &*event.name).collect()
}

on_every_haproxy! {
    #[tokio::test]
    async fn spans_and_events_of_handlers_nest_across_awaits_and_on_threads(version: Version) {
        let rotel = Rotel::start().await.unwrap();
        let (app, service) = (App::start().await.unwrap(), App::start().await.unwrap());
        let mut agent = traced(&rotel, service.address()).await;
        let engine = collector::engine(&agent, "look-up").message("work", "", REQUEST);
        let haproxy = collector::haproxy(version, engine, &app).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!(answer.status, 200);
        drop(haproxy);
        let spans = stop(&mut agent, &rotel).await;

        let notifies: Vec<_> = spans.iter().filter(|span| span.name == "notify").collect();
        let [notify] = notifies[..] else { panic!("{spans:#?}") };
        let handle = |message: &str| {
            let mut found = spans.iter().filter(|span| span.attribute("route") == message);
            let handle = found.next().unwrap_or_else(|| panic!("{spans:#?}"));
            assert_eq!((&*handle.name, &handle.parent_id), ("handle", &notify.id));
            handle
        };
        let ask = child(&spans, handle("look-up"), "ask");
        assert_eq!(events(ask), ["asking", "answered"]);
        assert_eq!(ask.events[1].attributes["status"], "200");
        let sum = child(&spans, handle("work"), "sum");
        assert_eq!(events(sum), ["adding up"]);
        // The service that the handler asks goes on from its span.
        let expected = format!("traceparent: 00-{}-{}-01\n", notify.trace_id, ask.id);
        assert!(service.last_request().contains(&expected), "{}", service.last_request());
        assert!(spans.iter().all(|span| span.resource["service.name"] == "traced"));
    }
}

#[tokio::test]
async fn a_failure_is_traced_though_the_request_is_not_sampled() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let rotel = Rotel::start().await.unwrap();
    let app = App::start().await.unwrap();
    // It takes connections, as far as the kernel does, and never answers: the handler gives up.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut agent = traced(&rotel, silent.local_addr().unwrap()).await;
    let engine = collector::engine(&agent, "look-up");
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-00");
    let with = |request: reqwest::RequestBuilder| request.header("traceparent", &parent);
    let answer = haproxy.http().send(reqwest::Method::GET, "/", with).await.unwrap();
    assert_eq!(scene::error(&answer), "", "the agent has answered, by its fallback");
    drop(haproxy);
    let spans = stop(&mut agent, &rotel).await;
    let notify = only(&spans, TRACE, "notify");
    for span in [notify, only(&spans, TRACE, "handle")] {
        assert_eq!((&*span.status, span.attribute("error.type")), ("ERROR", "failed"), "{span:#?}");
    }
}
