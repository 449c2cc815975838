//! Push: the metrics of `/metrics`, sent to a collector at an interval.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::{
    tonic::{
        collector::metrics::v1::ExportMetricsServiceRequest,
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
        metrics::v1::{
            AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
            ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
        },
        resource::v1::Resource,
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use prometheus::proto::{self, MetricFamily, MetricType};
use spoa_actors::{ForeignText, Limits, Observer, observe::Statistics};
use tokio::{task::JoinHandle, time};

use crate::telemetry::{
    logs::Logs,
    metrics,
    span_counts::{SpanCounters, SpanCounts},
    tally::Tally,
    transport::Transport,
};

/// What is sent, and whereto.
#[derive(Debug)]
pub(crate) struct Push {
    transport: Transport,
    resource: ResourceAttributesWithSchema,
    limits: Limits,
    logs: Logs,
    since: SystemTime,
    complaints: Tally,
}

impl Push {
    pub(crate) fn new(
        transport: Transport,
        resource: &opentelemetry_sdk::Resource,
        limits: Limits,
        logs: Logs,
    ) -> Self {
        let since = SystemTime::now();
        let complaints = Tally::default();
        Self { transport, resource: resource.into(), limits, logs, since, complaints }
    }

    /// Sends what the agent counts, every `interval`, on the runtime that this is called in.
    pub(crate) fn start(
        self: Arc<Self>,
        interval: Duration,
        observer: Observer,
        spans: Arc<SpanCounters>,
    ) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut ticks = time::interval(interval);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let statistics = observer.statistics().await;
                // Without one arbiter, counters would seem to be reset.
                if statistics.workers_unresponsive == 0 {
                    self.send(&statistics, &spans.snapshot()).await;
                }
            }
        })
    }

    /// The process ends: the last numbers are sent soon, or not. Returns how long that may take.
    pub(crate) fn close(&self) -> Duration {
        self.transport.close()
    }

    /// Sends these numbers; what fails is logged.
    pub(crate) async fn send(&self, statistics: &Statistics, spans: &SpanCounts) {
        let families = metrics::families(statistics, &self.limits, spans, self.logs.lost());
        match self.transport.send(self.request(families)).await {
            Ok(rejected) => {
                if let Some(points) = self.complaints.add(rejected.items) {
                    let why = ForeignText::of(&rejected.why);
                    tracing::warn!(
                        points,
                        "metrics rejected by the collector: {why}; look into its log"
                    );
                }
            }
            Err(error) => {
                if self.complaints.add(1).is_some() {
                    let advice = error.advice();
                    let error = ForeignText::of(&error);
                    tracing::warn!("metrics push failed: {error}; {advice}");
                }
            }
        }
    }

    fn request(&self, families: Vec<MetricFamily>) -> ExportMetricsServiceRequest {
        let times = Times { start: nanoseconds(self.since), now: nanoseconds(SystemTime::now()) };
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let metrics = families.iter().map(|family| metric(family, times)).collect();
        let resource =
            Resource { attributes: self.resource.attributes.0.clone(), ..Resource::default() };
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics,
            ..ResourceMetrics::default()
        }];
        ExportMetricsServiceRequest { resource_metrics }
    }
}

/// In nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

fn metric(family: &MetricFamily, times: Times) -> Metric {
    let samples = family.get_metric().iter();
    let temporality = AggregationTemporality::Cumulative.into();
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(Sum {
            data_points: samples
                .map(|sample| number(sample, sample.get_counter().get_value(), times))
                .collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        MetricType::HISTOGRAM => Data::Histogram(Histogram {
            data_points: samples.map(|sample| durations(sample, times)).collect(),
            aggregation_temporality: temporality,
        }),
        _ => Data::Gauge(Gauge {
            data_points: samples
                .map(|sample| number(sample, sample.get_gauge().get_value(), times))
                .collect(),
        }),
    };
    Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        unit: unit(family.name()).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(sample: &proto::Metric, value: f64, times: Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn durations(sample: &proto::Metric, times: Times) -> HistogramDataPoint {
    let histogram = sample.get_histogram();
    let buckets = histogram.get_bucket();
    let up_to = buckets.iter().map(proto::Bucket::cumulative_count);
    // Prometheus adds up from the smallest on; OTLP counts each by itself, and the rest last.
    let up_to = up_to.chain([histogram.get_sample_count()]);
    let each = up_to.scan(0, |below, up_to| {
        let own = up_to - *below;
        *below = up_to;
        Some(own)
    });
    HistogramDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: histogram.get_sample_count(),
        sum: Some(histogram.get_sample_sum()),
        bucket_counts: each.collect(),
        explicit_bounds: buckets.iter().map(proto::Bucket::upper_bound).collect(),
        ..HistogramDataPoint::default()
    }
}

fn attributes(sample: &proto::Metric) -> Vec<KeyValue> {
    let pair = |pair: &proto::LabelPair| {
        let value = any_value::Value::StringValue(pair.value().to_owned());
        KeyValue {
            key: pair.name().to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    };
    sample.get_label().iter().map(pair).collect()
}

/// In UCUM, as the name says it.
fn unit(name: &str) -> &'static str {
    let name = name.trim_end_matches("_total").trim_end_matches("_limit");
    match name {
        _ if name.ends_with("_seconds") => "s",
        _ if name.ends_with("_bytes") => "By",
        _ => "",
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
