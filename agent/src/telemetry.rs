//! Telemetry: logs, spans and metrics, from the start of the agent to its end.
//!
//! ```text
//! environment, options ─▶ settings (otlp, sampler)   what is sent, and whereto
//! logs ─▶ one_line, json_line lines on stderr, with a filter that can be changed
//!      ─▶ line_queue          and nobody who waits until they are written
//! metrics ─▶ family           what is counted, under the names that Prometheus and OTLP see
//! tracing_layer ─▶ spans      handlers' calls, and what is in them; a queue and its counts
//! spans, push ─▶ transport    OTLP by gRPC or HTTP
//! ```

pub(crate) mod admin_counters;
pub(crate) mod environment;
pub(crate) mod family;
pub(crate) mod json_line;
pub(crate) mod line_queue;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod one_line;
pub(crate) mod options;
pub(crate) mod otlp;
pub(crate) mod push;
pub(crate) mod sampler;
pub(crate) mod settings;
pub(crate) mod span_counts;
pub(crate) mod spans;
pub(crate) mod tally;
pub(crate) mod tracing_layer;
pub(crate) mod transport;
pub(crate) mod transport_error;

use std::{
    io,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use opentelemetry::KeyValue;
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};
use spoa_actors::{ForeignText, Limits, RunningAgent, observe::Statistics};
use thiserror::Error;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tracing_subscriber::{Registry as Subscriber, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    program::Program,
    telemetry::{
        environment::{Environment, SettingError},
        line_queue::LineQueue,
        logs::{LogFilterError, Logs},
        options::TelemetryOptions,
        push::Push,
        settings::{MetricSettings, TelemetrySettings, TraceSettings},
        span_counts::SpanCounters,
        spans::Spans,
        transport::Transport,
    },
};

/// What metrics get of the end at the least, when spans have taken all of it.
const LAST_PUSH: Duration = Duration::from_secs(1);
/// How long the end waits for the last lines of the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Why telemetry cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum TelemetryError {
    #[error("{from} cannot be read")]
    Log { from: &'static str, source: LogFilterError },
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("cannot start a thread for telemetry")]
    Thread(#[source] io::Error),
}

/// Logs, spans and metrics of this process. Nothing waits to be sent after [`shutdown`](Self::shutdown).
#[derive(Debug)]
pub(crate) struct Telemetry {
    logs: Logs,
    traces: Option<TraceSettings>,
    spans: Option<Arc<Spans>>,
    span_counters: Arc<SpanCounters>,
    push: Option<(Arc<Push>, Duration)>,
    pushing: Option<JoinHandle<()>>,
    /// Requests are driven here: an arbiter has no time for them, and ends before they do.
    runtime: Option<Background>,
}

/// A runtime that is not waited for when it is dropped: in an actix system, that would panic.
#[derive(Debug)]
struct Background {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Telemetry {
    /// Sets all of it up, for the whole process.
    ///
    /// # Errors
    ///
    /// If an option or a variable cannot be used.
    pub(crate) fn start(
        program: &Program,
        options: &TelemetryOptions,
        limits: &Limits,
    ) -> Result<Self, TelemetryError> {
        let environment = Environment::of_process()?;
        let (logs, lines) = logs(options, &environment)?;
        let TelemetrySettings { resource, traces, metrics, ignored } =
            TelemetrySettings::read(program, options, &environment)?;
        let resource = as_resource(resource);
        let is_needed = traces.is_some() || metrics.is_some();
        let runtime = is_needed.then(runtime).transpose().map_err(TelemetryError::Thread)?;
        // Connections belong to the runtime that is entered when they are made.
        let _entered = runtime.as_ref().map(|runtime| runtime.handle.enter());
        let mut layers = vec![lines];
        let limit = traces.as_ref().map_or(0, |traces| traces.queue.size as u64);
        let span_counters = Arc::new(SpanCounters::new(limit));
        let mut spans = None;
        if let (Some(traces), Some(runtime)) = (&traces, &runtime) {
            let transport = Transport::new(&traces.otlp)?;
            let counters = Arc::clone(&span_counters);
            let resource = resource.clone();
            let queue = traces.queue;
            let make = || Spans::new(transport, queue, counters, resource, &runtime.handle);
            let made = caught(make).map_err(TelemetryError::Thread)?;
            made.install();
            layers.push(tracing_layer::layer(made.tracer()));
            spans = Some(Arc::new(made));
        }
        let push = match &metrics {
            Some(MetricSettings { otlp, interval }) => {
                let transport = Transport::new(otlp)?;
                let push = Push::new(transport, &resource, *limits, logs.clone());
                Some((Arc::new(push), *interval))
            }
            None => None,
        };
        Subscriber::default().with(layers).init();
        panic::set_hook(Box::new(report_panic));
        if !ignored.is_empty() && traces.is_some() {
            tracing::warn!(
                "unknown OTEL_PROPAGATORS: {}; use tracecontext, b3 or baggage",
                ignored.join(", ")
            );
        }
        if let Some(TraceSettings { otlp, .. }) = &traces {
            tracing::info!(url = %otlp.shown_url(), protocol = %otlp.protocol, "trace export started");
        }
        if let Some(MetricSettings { otlp, interval }) = &metrics {
            let protocol = otlp.protocol;
            tracing::info!(url = %otlp.shown_url(), %protocol, ?interval, "metrics push started");
        }
        drop(_entered);
        Ok(Self { logs, traces, spans, span_counters, push, pushing: None, runtime })
    }

    /// The log, to change its filter.
    pub(crate) fn logs(&self) -> &Logs {
        &self.logs
    }

    /// How NOTIFYs are traced, if they are.
    pub(crate) fn traces(&self) -> Option<&TraceSettings> {
        self.traces.as_ref()
    }

    /// What happened to spans, whenever it is asked.
    pub(crate) fn span_counters(&self) -> Arc<SpanCounters> {
        Arc::clone(&self.span_counters)
    }

    /// From now on the agent's metrics are pushed, if they shall be.
    pub(crate) fn watch(&mut self, agent: &RunningAgent) {
        if let (Some((push, interval)), Some(runtime)) = (&self.push, &self.runtime) {
            let _entered = runtime.handle.enter();
            let (observer, spans) = (agent.observer(), self.span_counters());
            self.pushing = Some(Arc::clone(push).start(*interval, observer, spans));
        }
    }

    /// Sends what waits: the spans, then the numbers with which the agent has ended.
    pub(crate) async fn shutdown(mut self, statistics: Option<Statistics>) {
        let begun = Instant::now();
        if let Some(pushing) = self.pushing.take() {
            pushing.abort();
        }
        let Some(runtime) = self.runtime.take() else { return };
        let mut limit = Duration::MAX;
        if let Some(spans) = self.spans.clone() {
            limit = spans.close();
            // On a thread of its own, as it blocks.
            let (ended, end) = oneshot::channel();
            let shutdown = move || ended.send(spans.shutdown(limit));
            // Without room for one, the SDK is left to itself.
            if thread::Builder::new().spawn(shutdown).is_ok() {
                let _ = end.await;
            }
        }
        if let (Some((push, _)), Some(statistics)) = (self.push.take(), statistics) {
            let limit = push.close().min(limit).saturating_sub(begun.elapsed()).max(LAST_PUSH);
            let spans = self.span_counters.snapshot();
            let push = runtime.handle.spawn(async move { push.send(&statistics, &spans).await });
            if timeout(limit, push).await.is_err() {
                tracing::warn!(
                    "last metrics lost: the collector did not answer in time; check the collector"
                );
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        drop(self.runtime.take());
        self.logs.flush_within(LAST_LINES);
    }
}

/// The hook of std would write to stderr itself, and wait for it.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(
        thread = thread::current().name(),
        location = panic.location().map(tracing::field::display),
        "thread panic: {}; report this bug",
        ForeignText::of(&message)
    );
}

fn logs(
    options: &TelemetryOptions,
    environment: &Environment,
) -> Result<(Logs, logs::BoxedLayer), TelemetryError> {
    let (from, filter) = match &options.log {
        Some(filter) => ("--log", filter.as_str()),
        None => ("RUST_LOG", environment.text("RUST_LOG").unwrap_or_default()),
    };
    let lines = LineQueue::start(io::stderr()).map_err(TelemetryError::Thread)?;
    let logs = Logs::new(lines, filter, options.log_format);
    logs.map_err(|source| TelemetryError::Log { from, source })
}

fn runtime() -> io::Result<Background> {
    let build = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("telemetry").enable_all().build()
    };
    let runtime = caught(build)??;
    Ok(Background { handle: runtime.handle().clone(), runtime: Some(runtime) })
}

/// What it makes, or why it cannot: tokio and the SDK of OpenTelemetry panic without a thread. It is for the
/// start of the process: other panics are not printed meanwhile.
fn caught<T>(make: impl FnOnce() -> T) -> io::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let made = panic::catch_unwind(AssertUnwindSafe(make));
    panic::set_hook(hook);
    made.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map_or("cannot start a thread", String::as_str);
        io::Error::other(text.to_owned())
    })
}

fn as_resource(attributes: Vec<(String, String)>) -> Resource {
    let attributes = attributes.into_iter().map(|(key, value)| match value.parse::<i64>() {
        Ok(number) if key == "process.pid" => KeyValue::new(key, number),
        _ => KeyValue::new(key, value),
    });
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build()
}
