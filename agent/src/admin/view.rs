//! View: what the endpoint looks at.

use std::sync::{Arc, OnceLock};

use spoa_actors::{Limits, Observer, observe::Statistics, status::Status};

use crate::{
    admin::stage::Stage,
    telemetry::{
        admin_counters::AdminCounters,
        logs::{LogFilterError, Logs},
        metrics,
        span_counts::SpanCounters,
    },
};

/// What the endpoint looks at: the agent, once it has started, and its telemetry.
#[derive(Clone, Debug)]
pub(crate) struct View {
    observer: Arc<OnceLock<Observer>>,
    limits: Limits,
    logs: Logs,
    spans: Arc<SpanCounters>,
    counters: Arc<AdminCounters>,
}

impl View {
    /// The view of an agent that has not started yet.
    pub(crate) fn new(limits: Limits, logs: Logs, spans: Arc<SpanCounters>) -> Self {
        Self { observer: Arc::default(), limits, logs, spans, counters: Arc::default() }
    }

    /// The agent has started.
    pub(crate) fn started(&self, observer: Observer) {
        // An agent starts once.
        let _ = self.observer.set(observer);
    }

    pub(super) async fn stage(&self) -> Stage {
        match self.observer.get() {
            Some(observer) => Stage::Started(observer.readiness().await),
            None => Stage::Starting,
        }
    }

    /// What goes on in the agent, if it has started.
    pub(super) async fn status(&self, most: usize) -> Option<Status> {
        Some(self.observer.get()?.status(most).await)
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    ///
    /// If a metric is malformed, which would be a bug.
    pub(super) async fn metrics(&self) -> Result<String, String> {
        let statistics = match self.observer.get() {
            Some(observer) => observer.statistics().await,
            None => Statistics::default(),
        };
        let (spans, lost) = (self.spans.snapshot(), self.logs.lost());
        let text = metrics::text(&statistics, &self.limits, &spans, &self.counters, lost);
        text.map_err(|error| error.to_string())
    }

    pub(super) fn counters(&self) -> &Arc<AdminCounters> {
        &self.counters
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn log_filter(&self) -> String {
        self.logs.filter()
    }

    pub(super) fn set_log_filter(&self, filter: &str) -> Result<(), LogFilterError> {
        self.logs.set_filter(filter)
    }
}
