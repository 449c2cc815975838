//! Traces: log lines and requests of a handler are part of the trace of the client's request.
//!
//! Run a collector for OTLP over HTTP on port 4318, a server for the handler's requests, the agent
//! with the address of that server, and HAProxy in front of it:
//!
//! ```text
//! docker run -p 127.0.0.1:4318:4318 -p 127.0.0.1:16686:16686 jaegertracing/jaeger:2.21.0 &
//! python3 -m http.server --bind 127.0.0.1 8000 &
//! cargo run -p spoa-examples --bin traced -- 127.0.0.1:12345 127.0.0.1:8000 &
//! haproxy -f examples/haproxy/traced.cfg &
//! curl -i 127.0.0.1:8080          traceparent: 00-…
//! ```
//!
//! Without a collector, everything but the traces works. One trace, at localhost:16686, is then
//!
//! ```text
//! the client's span
//! └─ notify                    by the library, as the next one
//!    └─ handle
//!       └─ ask                 by the handler; the server that it asks goes on from here
//! ```

use std::{
    collections::HashMap,
    env,
    io::{self, IsTerminal},
    net::IpAddr,
    num::NonZero,
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry::{Context, global, trace::TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use reqwest::Client;
use serde::Deserialize;
use spoa_actors::{
    Actions, Agent, BlockingHandler, BoxError, HandlerActor, Origin, Registry, RunningAgent,
    Traces, Var,
};
use tokio_rustls::rustls::crypto::ring;
use tracing::{info, info_span, instrument};
use tracing_subscriber::{
    Layer, filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

const STATUS: Var = Var::transaction("status");
const SUM: Var = Var::transaction("sum");

/// Asks a server over HTTP.
struct LookUp {
    http: Client,
    server: String,
}

#[derive(Deserialize)]
struct Visitor {
    ip: IpAddr,
}

#[async_trait(?Send)]
impl HandlerActor for LookUp {
    type Args = Visitor;

    async fn handle(&self, visitor: Visitor, origin: &Origin) -> Result<Actions, BoxError> {
        // A little before the deadline: an error says who was late.
        let status = self.ask(visitor.ip, origin.remaining().mul_f64(0.9)).await?;
        Ok(Actions::new().set(STATUS, u32::from(status)))
    }
}

impl LookUp {
    #[instrument(skip(self, patience))]
    async fn ask(&self, ip: IpAddr, patience: Duration) -> Result<u16, BoxError> {
        info!("asking");
        let mut headers = HashMap::new();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&Context::current(), &mut headers);
        });
        // An empty tracestate is none.
        headers.retain(|_, value: &mut String| !value.is_empty());
        let request = self.http.get(format!("http://{}/", self.server)).timeout(patience);
        let response = request.headers((&headers).try_into()?).send().await?;
        let status = response.status().as_u16();
        info!(status, "answered");
        Ok(status)
    }
}

/// Works for long, on a thread of its own.
#[derive(Default)]
struct Work;

impl BlockingHandler for Work {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Result<Actions, BoxError> {
        let sum: u32 = info_span!("sum").in_scope(|| {
            info!("adding up");
            (1..=1000).sum()
        });
        Ok(Actions::new().set(SUM, sum))
    }
}

fn registry(server: String) -> Result<Registry, BoxError> {
    let http = Client::builder().no_proxy().build()?;
    let look_up = move || LookUp { http: http.clone(), server: server.clone() };
    let threads = NonZero::<usize>::MIN;
    Ok(Registry::new().on("look-up", look_up).on_blocking("work", threads, Work::default))
}

/// Where the spans go is in the standard variables, such as `OTEL_EXPORTER_OTLP_ENDPOINT`.
fn telemetry() -> Result<SdkTracerProvider, BoxError> {
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(SpanExporter::builder().with_http().build()?)
        .with_resource(Resource::builder().with_service_name("traced").build())
        .with_sampler(Sampler::AlwaysOn) // the library has sampled before
        .build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("traced"));
    // With a subscriber of one's own, the library's warnings need a layer that shows them.
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false); // a log that cannot be written ends nothing
    // What libraries tell to those who debug them is left out.
    tracing_subscriber::registry()
        .with(spans.with_filter(LevelFilter::INFO))
        .with(lines.with_filter(LevelFilter::WARN))
        .try_init()?;
    Ok(provider)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    // The workspace's reqwest comes without one; with its default features this is not needed.
    let _ = ring::default_provider().install_default();
    let provider = telemetry()?;
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let agent = Agent::bind(address)?.traces(Traces::global());
    let announce = |agent: &RunningAgent| println!("serves {:?}", agent.local_addresses());
    agent.serve_with(registry(server)?, announce).await?;
    Ok(provider.shutdown()?) // sends what still waits
}
