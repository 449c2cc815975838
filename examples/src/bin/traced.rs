//! Traces: what a handler logs, and what it asks of others, is part of the trace of the request.
//!
//! Run a collector that takes OTLP over HTTP on port 4318, and this agent with
//! `cargo run -p spoa-examples --bin traced`; then
//!
//! ```text
//! cargo run -p spoa-agent -- call look-up ip=127.0.0.1 \
//!     traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
//! ```
//!
//! or put HAProxy in front of it: `haproxy -f examples/haproxy/traced.cfg`. One trace is then
//!
//! ```text
//! the client's span
//! └─ notify                    by the library, as the next one
//!    └─ handle
//!       └─ ask                 by the handler; the service that it asks goes on from here
//! ```

use std::{collections::HashMap, env, net::IpAddr, num::NonZero};

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
    Actions, Agent, BlockingHandler, BoxError, HandlerActor, Origin, Registry, Scope, Traces,
};
use tokio_rustls::rustls::crypto::ring;
use tracing::{info, info_span, instrument};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// Asks a service over HTTP.
struct LookUp {
    http: Client,
    service: String,
}

#[derive(Deserialize)]
struct Visitor {
    ip: IpAddr,
}

#[async_trait(?Send)]
impl HandlerActor for LookUp {
    type Args = Visitor;

    async fn handle(&self, visitor: Visitor, _: &Origin) -> Result<Actions, BoxError> {
        let status = self.ask(visitor.ip).await?;
        Ok(Actions::none().set_var(Scope::Transaction, "status", u32::from(status))?)
    }
}

impl LookUp {
    #[instrument(skip(self))]
    async fn ask(&self, ip: IpAddr) -> Result<u16, BoxError> {
        info!("asking");
        let mut headers = HashMap::new();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&Context::current(), &mut headers);
        });
        let request = self.http.get(&self.service).headers((&headers).try_into()?);
        let status = request.send().await?.status().as_u16();
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
        Ok(Actions::none().set_var(Scope::Transaction, "sum", sum)?)
    }
}

fn registry() -> Registry {
    let service = env::var("SERVICE").unwrap_or_else(|_| "http://127.0.0.1:8080/".to_owned());
    let look_up = move || LookUp { http: Client::new(), service: service.clone() };
    let threads = NonZero::<usize>::MIN;
    Registry::new().on("look-up", look_up).on_blocking("work", threads, Work::default)
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
    tracing_subscriber::registry().with(spans).try_init()?;
    Ok(provider)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    // reqwest comes without one here; with its default features this line is not needed.
    let _ = ring::default_provider().install_default();
    let provider = telemetry()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let agent = Agent::bind(address)?.traces(Traces::global());
    agent.serve_with(registry(), |agent| println!("serves {:?}", agent.local_addresses())).await?;
    Ok(provider.shutdown()?) // sends what still waits
}
