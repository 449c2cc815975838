//! The trace of an HTTP request: from its client through HAProxy into the agent, and on to the
//! application.

use reqwest::{Method, RequestBuilder};
use spoa_integration::{Answer, App, Haproxy, Version, on_every_haproxy};

use crate::collector::{self, Traced, Way, count, only};
use crate::scene::{self, REQUEST, error, shown};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const B3_TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const CLIENT: &str = "b7ad6b7169203331";

async fn ask(haproxy: &Haproxy, path: &str, headers: &[(&str, &str)]) -> Answer {
    let with = |request: RequestBuilder| {
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    haproxy.http().send(Method::GET, path, with).await.unwrap()
}

/// A header as the application got it; empty if it got none.
fn received(answer: &Answer, header: &str) -> String {
    let prefix = format!("{header}: ");
    let text = answer.text();
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_default().to_owned()
}

/// The trace id and the parent id of a `traceparent`.
fn parts(traceparent: &str) -> (String, String) {
    let parts: Vec<_> = traceparent.split('-').map(str::to_owned).collect();
    match <[String; 4]>::try_from(parts) {
        Ok([version, trace_id, parent_id, flags]) if (&*version, &*flags) == ("00", "01") => {
            (trace_id, parent_id)
        }
        other => panic!("{traceparent}: {other:?}"),
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_request_is_followed_into_the_agent_and_on_to_the_application(version: Version) {
        let mut traced = Traced::start(Way::Grpc, "--trace-argument b3=b3").await;
        let app = App::start().await.unwrap();
        let engine = collector::engine(&traced.agent, "check-client-ip");
        let haproxy = collector::haproxy(version, engine, &app).await;

        let traceparent = format!("00-{TRACE}-{CLIENT}-01");
        let w3c = [("traceparent", &*traceparent), ("tracestate", "vendor=value,other=1")];
        let with_w3c = ask(&haproxy, "/", &w3c).await;
        let b3 = format!("{B3_TRACE}-{CLIENT}-1");
        let with_b3 = ask(&haproxy, "/", &[("b3", &b3)]).await;
        let without = ask(&haproxy, "/", &[]).await;
        for answer in [&with_w3c, &with_b3, &without] {
            assert_eq!((shown(answer), error(answer)), (vec!["20"], ""), "{}", answer.text());
        }
        drop(haproxy);
        let spans = traced.stop().await;

        let (trace_id, parent_id) = parts(&received(&with_w3c, "traceparent"));
        let notify = only(&spans, TRACE, "notify");
        assert_eq!((&*trace_id, &*notify.parent_id), (TRACE, CLIENT));
        assert_eq!((&parent_id, &*notify.kind), (&notify.id, "SERVER"));
        assert_eq!(received(&with_w3c, "tracestate"), "vendor=value,other=1");
        assert_eq!(notify.trace_state, "vendor=value,other=1");
        assert_eq!(only(&spans, TRACE, "handle").parent_id, notify.id);

        let notify = only(&spans, B3_TRACE, "notify");
        assert_eq!(notify.parent_id, CLIENT);
        assert_eq!(received(&with_b3, "b3"), format!("{B3_TRACE}-{}-1", notify.id));
        assert_eq!(parts(&received(&with_b3, "traceparent")), (B3_TRACE.into(), notify.id.clone()));

        let (trace_id, parent_id) = parts(&received(&without, "traceparent"));
        let notify = only(&spans, &trace_id, "notify");
        assert_eq!((&*notify.parent_id, &notify.id), ("", &parent_id));
        assert_eq!(only(&spans, &trace_id, "handle").parent_id, notify.id);
        assert_eq!(count(&spans, "notify"), 3, "{spans:#?}");
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn spans_say_what_the_wire_says_and_point_at_their_connection(version: Version) {
        let mut traced = Traced::start(Way::Http, "--service-name edge").await;
        let app = App::start().await.unwrap();
        let engine = collector::engine(&traced.agent, "check-client-ip");
        let haproxy = collector::haproxy(version, engine, &app).await;
        let traceparent = format!("00-{TRACE}-{CLIENT}-01");
        ask(&haproxy, "/", &[("traceparent", &traceparent)]).await;
        drop(haproxy);
        let spans = traced.stop().await;

        let notify = only(&spans, TRACE, "notify");
        let connections: Vec<_> = spans.iter().filter(|span| span.name == "connection").collect();
        let [connection] = connections[..] else { panic!("{spans:#?}") };
        assert_eq!(connection.kind, "SERVER");
        let link = (connection.trace_id.clone(), connection.id.clone());
        assert_eq!(notify.links, [link]);
        for span in [notify, connection] {
            assert_eq!(span.attribute("network.transport"), "tcp", "{span:#?}");
            assert_eq!(span.attribute("network.peer.address"), "127.0.0.1", "{span:#?}");
            assert_eq!(span.attribute("network.protocol.name"), "spop", "{span:#?}");
            assert!(span.attribute("network.peer.port").parse::<u16>().is_ok(), "{span:#?}");
            assert!(span.attribute("engine_id").len() > 10, "{span:#?}");
        }
        let handle = only(&spans, TRACE, "handle");
        assert_eq!(handle.attribute("route"), "check-client-ip");
        for span in [notify, handle] {
            assert!(span.attribute("stream_id").parse::<u64>().is_ok(), "{span:#?}");
            assert!(span.attribute("frame_id").parse::<u64>().is_ok(), "{span:#?}");
        }
        for span in &spans {
            let resource = |name: &str| span.resource.get(name).map_or("", String::as_str);
            assert_eq!(resource("service.name"), "edge");
            assert_eq!(resource("service.version"), env!("CARGO_PKG_VERSION"));
            assert!(!resource("service.instance.id").is_empty(), "{span:#?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_sampled_leaves_nothing_unless_it_fails() {
    let mut traced = Traced::start(Way::Grpc, "").await;
    let app = App::start().await.unwrap();
    let engine = scene::engine(&traced.agent)
        .message("check-client-ip", collector::ARGUMENTS, &format!("{REQUEST} if {{ path /good }}"))
        .message(
            "get-ip-reputation",
            "ip=path traceparent=req.hdr(traceparent)",
            &format!("{REQUEST} if {{ path /bad }}"),
        );
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let good = format!("00-{TRACE}-{CLIENT}-00");
    let bad = format!("00-{B3_TRACE}-{CLIENT}-00");
    let answer = ask(&haproxy, "/good", &[("traceparent", &good)]).await;
    assert_eq!(received(&answer, "traceparent"), good, "as the client sent it");
    ask(&haproxy, "/bad", &[("traceparent", &bad)]).await;
    drop(haproxy);
    let spans = traced.stop().await;

    assert!(spans.iter().all(|span| span.trace_id != TRACE), "{spans:#?}");
    let notify = only(&spans, B3_TRACE, "notify");
    let handle = only(&spans, B3_TRACE, "handle");
    assert_eq!((&*notify.parent_id, &handle.parent_id), (CLIENT, &notify.id));
    for span in [notify, handle] {
        assert_eq!((&*span.status, span.attribute("error.type")), ("ERROR", "bad_arguments"));
    }
}

#[tokio::test]
async fn without_a_parent_there_is_no_trace_if_that_is_wanted() {
    let mut traced = Traced::start(Way::Grpc, "--trace-only-with-parent").await;
    let app = App::start().await.unwrap();
    let engine = collector::engine(&traced.agent, "check-client-ip");
    let haproxy = collector::haproxy(Version::V3_2, engine, &app).await;
    let without = ask(&haproxy, "/", &[]).await;
    assert_eq!(received(&without, "traceparent"), "");
    let traceparent = format!("00-{TRACE}-{CLIENT}-01");
    ask(&haproxy, "/", &[("traceparent", &traceparent)]).await;
    drop(haproxy);
    let spans = traced.stop().await;
    assert_eq!(count(&spans, "notify"), 1, "{spans:#?}");
    only(&spans, TRACE, "notify");
}
