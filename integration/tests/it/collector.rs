//! What tests of traces begin with: a collector, an agent that sends to it, HAProxy in front.

use spoa_integration::{
    App, Config, Endpoint, Engine, Haproxy, Rotel, Span, SpoaAgent, SpoaAgentOptions, Version,
};

use crate::scene::{self, REQUEST, SOON};

/// The context of a request, and what HAProxy knows of it.
pub(crate) const ARGUMENTS: &str = "ip=src traceparent=req.hdr(traceparent) \
                                    tracestate=req.fhdr(tracestate) b3=req.hdr(b3)";

/// The way to the collector.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Grpc,
    Http,
}

/// An agent that sends its spans to a collector.
pub(crate) struct Traced {
    pub(crate) rotel: Rotel,
    pub(crate) agent: SpoaAgent,
}

impl Traced {
    pub(crate) async fn start(way: Way, options: &str) -> Self {
        let rotel = Rotel::start().await.unwrap();
        let (url, protocol) = match way {
            Way::Grpc => (rotel.grpc(), "grpc"),
            Way::Http => (rotel.http(), "http/protobuf"),
        };
        let agent = SpoaAgentOptions::default()
            .options("--worker-threads 1")
            .options(options)
            .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
            .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .start();
        Self { rotel, agent: agent.await.unwrap() }
    }

    /// Stops the agent in good order, which has no connection any more; gives the spans that the
    /// collector has got.
    pub(crate) async fn stop(&mut self) -> Vec<Span> {
        self.agent.terminate().unwrap();
        let status = self.agent.ended(SOON).await.unwrap();
        assert!(status.success(), "{status}");
        // The span of a connection is its last one.
        received(&self.rotel, |spans| count(spans, "connection") > 0).await
    }
}

/// The spans that the collector has got when they are as wanted; all of them if they never are. It
/// prints them later than it says that it has them.
pub(crate) async fn received(rotel: &Rotel, wanted: impl Fn(&[Span]) -> bool) -> Vec<Span> {
    rotel.spans(SOON, wanted).await.unwrap_or_else(|_| rotel.received())
}

/// How many spans have this name.
pub(crate) fn count(spans: &[Span], name: &str) -> usize {
    spans.iter().filter(|span| span.name == name).count()
}

/// The engine `t`, whose message carries the context of the request.
pub(crate) fn engine(agent: impl Into<Endpoint>, message: &str) -> Engine {
    scene::engine(agent).message(message, ARGUMENTS, REQUEST)
}

/// HAProxy that forwards the context of the agent's span to the application.
pub(crate) async fn haproxy(version: Version, engine: Engine, app: &App) -> Haproxy {
    let config = Config::new(version).engine(engine).app(app.address());
    let names = ["traceparent", "tracestate", "b3"];
    let config = names.iter().fold(config, |config, name| {
        config.frontend(&format!(
            "http-request set-header {name} %[var(txn.t.{name})] if {{ var(txn.t.{name}) -m found }}"
        ))
    });
    scene::start(scene::showing(config, &["var(sess.t.ip_score)"])).await
}

/// The only span of this name, and of this trace.
pub(crate) fn only<'a>(spans: &'a [Span], trace_id: &str, name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.trace_id == trace_id && span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        (one, two) => panic!("not one {name} in {trace_id}: {one:?} {two:?}\n{spans:#?}"),
    }
}
