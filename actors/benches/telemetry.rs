//! What telemetry costs a NOTIFY: traces off, on and not sampled, 1 % and all of them sampled.
//!
//! Sampled spans go through the OpenTelemetry SDK and its batches into an exporter that drops them.

mod support;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use spoa_actors::{
    Limits, Message, Registry, Sampling, Traces,
    spop::Frame,
    testing::{Exchange, hello},
};
use support::{notify, score, with_ip};
use tracing_subscriber::layer::SubscriberExt;

/// How many NOTIFYs are read at once.
const BATCH: u64 = 16;

const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

async fn greeted(traces: Option<Traces>) -> Exchange {
    let registry = Registry::new().on("check-client-ip", score);
    let limits = Limits::default();
    let started = match traces {
        Some(traces) => Exchange::start_traced(registry, limits, traces).await,
        None => Exchange::start(registry, limits).await,
    };
    let mut exchange = started.expect("the agent starts");
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    Frame::HaproxyHello(hello()).encode(&mut input);
    assert!(exchange.exchange(&mut input, &mut output));
    exchange
}

fn telemetry(criterion: &mut Criterion) {
    let system = actix_rt::System::new();
    let provider = SdkTracerProvider::builder().with_batch_exporter(Nowhere).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let traces = |ratio: f64| {
        let sampling = Sampling::default().ratio(ratio);
        Some(Traces::new(provider.tracer("spoa-actors")).sampling(sampling))
    };
    let with_parent = || with_ip().arg("traceparent", NOT_SAMPLED);
    let cases: [(&str, Message, Option<Traces>); 6] = [
        ("off", with_ip(), None),
        ("not sampled", with_ip(), traces(0.0)),
        ("off, traceparent", with_parent(), None),
        ("not sampled, traceparent", with_parent(), traces(1.0)),
        ("1 %", with_ip(), traces(0.01)),
        ("100 %", with_ip(), traces(1.0)),
    ];
    let mut group = criterion.benchmark_group("telemetry");
    group.throughput(Throughput::Elements(BATCH));
    for (name, message, traces) in cases {
        let batch = notify(message).repeat(BATCH as usize);
        let mut exchange = system.block_on(greeted(traces));
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                input.extend_from_slice(&batch);
                output.clear();
                assert!(exchange.exchange(&mut input, &mut output));
                assert!(!output.is_empty());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, telemetry);
criterion_main!(benches);
