//! Tracing layer: spans of `tracing` that become spans of a trace: handlers' calls, and what is in them.

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::{DynFilterFn, dynamic_filter_fn},
    layer::Context,
};

use crate::telemetry::logs::{BoxedLayer, HANDLE};

/// What is in a trace at the most, whatever is logged.
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
