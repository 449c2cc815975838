//! Tracing layer: spans of `tracing` that become spans of a trace: handlers' calls, and what is in them.

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::{DynFilterFn, dynamic_filter_fn},
    layer::Context,
};

use crate::telemetry::logs::{BoxedLayer, HANDLE};

/// The finest level in a trace, whatever is logged.
const LEVEL: LevelFilter = LevelFilter::INFO;

/// The layer that turns them into spans of this tracer.
pub(crate) fn layer(tracer: SdkTracer) -> BoxedLayer {
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(calls())
        .boxed()
}

/// Lets through the spans round handlers' calls, and whatever is said inside such a span.
fn calls() -> DynFilterFn<Registry, impl Fn(&Metadata<'_>, &Context<'_, Registry>) -> bool> {
    dynamic_filter_fn(|metadata: &Metadata<'_>, context: &Context<'_, Registry>| {
        let is_call = metadata.is_span() && metadata.target() == HANDLE;
        *metadata.level() <= LEVEL && (is_call || context.lookup_current().is_some())
    })
    .with_max_level_hint(LEVEL)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracerProvider, SpanData, SpanExporter},
    };
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::{
        line_queue::LineQueue,
        logs::{LogFormat, Logs},
    };

    #[derive(Clone, Debug, Default)]
    struct Exported(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Exported {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// The spans that come of it while only errors are logged: names, and those of their events.
    fn traced(work: impl FnOnce()) -> Vec<(String, Vec<String>)> {
        let exported = Exported::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exported.clone()).build();
        let queue = LineQueue::start(io::sink()).unwrap();
        let (_, lines) = Logs::new(queue, "error", LogFormat::Human).unwrap();
        let layers = vec![lines, layer(provider.tracer("test"))];
        with_default(Registry::default().with(layers), work);
        let spans = exported.0.lock().unwrap().clone();
        let events =
            |span: &SpanData| span.events.iter().map(|event| event.name.to_string()).collect();
        spans.iter().map(|span| (span.name.to_string(), events(span))).collect()
    }

    #[test]
    fn what_a_handler_says_is_in_its_span_whatever_is_logged() {
        let spans = traced(|| {
            tracing::info_span!(target: HANDLE, "handle").in_scope(|| {
                tracing::info!("asked the database");
                tracing::debug!("too much");
                tracing::info_span!("lookup").in_scope(|| tracing::warn!("slow"));
            });
        });
        let expected = [("lookup", "slow"), ("handle", "asked the database")];
        let expected = expected.map(|(span, event)| (span.to_owned(), vec![event.to_owned()]));
        assert_eq!(spans, expected);
    }

    #[test]
    fn what_is_said_elsewhere_is_no_trace() {
        let spans = traced(|| {
            tracing::error_span!("refresh").in_scope(|| tracing::error!("outside of a call"));
            tracing::error!("outside of all");
        });
        assert_eq!(spans, []);
    }
}
