//! Spans: a queue that neither blocks nor grows without bound, and the way to the collector.

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry::{Context, global, trace::TracerProvider};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span,
        SpanData, SpanExporter, SpanProcessor,
    },
};
use spoa_actors::ForeignText;
use tokio::{runtime::Handle, time::interval};

use crate::telemetry::{
    settings::QueueSettings,
    span_counts::{SpanCounters, SpanCounts},
    tally::Tally,
    transport::Transport,
    transport_error::TransportError,
};

/// How often it is looked whether spans were dropped.
const WATCH: Duration = Duration::from_secs(1);

/// The spans of this process.
#[derive(Debug)]
pub(crate) struct Spans {
    provider: SdkTracerProvider,
    counters: Arc<SpanCounters>,
    transport: Arc<Transport>,
}

impl Spans {
    /// Spans that travel in batches; requests are driven by `runtime`.
    pub(crate) fn new(
        transport: Transport,
        queue: QueueSettings,
        counters: Arc<SpanCounters>,
        resource: Resource,
        runtime: &Handle,
    ) -> Self {
        let transport = Arc::new(transport);
        let exporter = Exporter {
            transport: Arc::clone(&transport),
            runtime: runtime.clone(),
            counters: Arc::clone(&counters),
            complaints: Tally::default(),
            resource: ResourceAttributesWithSchema::default(),
        };
        let config = BatchConfigBuilder::default()
            // Ours is full first, as it counts what is under way too: so every drop is counted.
            .with_max_queue_size(queue.size)
            .with_max_export_batch_size(queue.batch)
            .with_scheduled_delay(queue.delay)
            .build();
        let batches = BatchSpanProcessor::new(exporter, config);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue { counters: Arc::clone(&counters), batches })
            .with_resource(resource)
            // The library samples, before it builds a span.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        runtime.spawn(tell_drops(Arc::clone(&counters)));
        Self { provider, counters, transport }
    }

    /// Makes them the process's: what handlers call may trace, and hand its context on.
    pub(crate) fn install(&self) {
        global::set_tracer_provider(self.provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
    }

    /// What makes the spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("spoa-agent")
    }

    /// The process ends: queued spans are sent soon, or dropped. Returns how long that can take.
    pub(crate) fn close(&self) -> Duration {
        self.transport.close()
    }

    /// Sends the queued spans, up to `limit`, and logs lost ones. It blocks.
    pub(crate) fn shutdown(&self, limit: Duration) -> SpanCounts {
        let ended = self.provider.shutdown_with_timeout(limit);
        let counts = self.counters.snapshot();
        let lost = counts.queued + counts.dropped + counts.failed;
        match ended {
            Ok(()) if lost == 0 => tracing::debug!(exported = counts.exported, "spans are sent"),
            _ => tracing::warn!(
                exported = counts.exported,
                lost,
                dropped = counts.dropped,
                failed = counts.failed,
                unsent = counts.queued,
                "spans lost since the start; check that the collector keeps up, or lower \
                 --trace-ratio"
            ),
        }
        counts
    }
}

/// Up to one line per second, and not where a span ends: that may be within a line.
async fn tell_drops(counters: Arc<SpanCounters>) {
    let mut said = 0;
    let mut ticks = interval(WATCH);
    loop {
        ticks.tick().await;
        let SpanCounts { dropped, limit, .. } = counters.snapshot();
        if dropped > said {
            tracing::warn!(
                spans = dropped - said,
                limit,
                "span queue full: dropped spans; lower --trace-ratio, raise \
                 OTEL_BSP_MAX_QUEUE_SIZE, or check the collector"
            );
            said = dropped;
        }
    }
}

/// In front of the batches: takes a span if there is room for it.
#[derive(Debug)]
struct Queue {
    counters: Arc<SpanCounters>,
    batches: BatchSpanProcessor,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.counters.queue() {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let ended = self.batches.shutdown_with_timeout(timeout);
        self.counters.close();
        ended
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Behind the batches: sends them.
struct Exporter {
    transport: Arc<Transport>,
    runtime: Handle,
    counters: Arc<SpanCounters>,
    complaints: Tally,
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        let transport = Arc::clone(&self.transport);
        // The thread of the batches has no runtime.
        let sent = self.runtime.spawn(async move { transport.send(request).await });
        let sent = sent.await.unwrap_or(Err(TransportError::Ended));
        let failed = match &sent {
            Ok(rejected) => rejected.items.min(spans),
            Err(_) => spans,
        };
        self.counters.sent(spans, failed);
        if let Some(spans) = self.complaints.add(failed) {
            match sent {
                Ok(rejected) => tracing::warn!(
                    spans,
                    "spans rejected by the collector: {}; look into its log",
                    ForeignText::of(&rejected.why)
                ),
                Err(error) => tracing::warn!(
                    spans,
                    "span export failed: {}; {}",
                    ForeignText::of(&error),
                    error.advice()
                ),
            }
        }
        // Failures are counted and logged here: the SDK would log each batch again.
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("transport", &self.transport).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        time::{Duration, Instant},
    };

    use opentelemetry::trace::{Span as _, Tracer};

    use super::*;
    use crate::telemetry::{
        environment::Environment,
        otlp::{Otlp, OtlpFlags, Signal},
    };

    #[test]
    fn a_queue_that_is_full_drops_and_a_collector_that_says_nothing_stops_nothing() {
        // Its backlog takes the connection, and nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let flags = OtlpFlags { url: Some(url), ..OtlpFlags::default() };
        let otlp = Otlp::read(Signal::Traces, &flags, &Environment::from([])).unwrap().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let queue = QueueSettings { size: 4, batch: 2, delay: Duration::from_secs(3600) };
        let transport = Transport::new(&otlp).unwrap();
        let counters = Arc::new(SpanCounters::new(4));
        let resource = Resource::builder_empty().build();
        let spans = Spans::new(transport, queue, Arc::clone(&counters), resource, runtime.handle());

        let begun = Instant::now();
        for _ in 0..10 {
            spans.tracer().start("span").end();
        }
        let counts = SpanCounts { queued: 4, limit: 4, dropped: 6, ..SpanCounts::default() };
        assert_eq!(counters.snapshot(), counts);
        assert_eq!(spans.shutdown(Duration::from_millis(100)), counts);
        spans.tracer().start("span").end();
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
