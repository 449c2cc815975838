//! Family: all samples of one metric, with its name, its type and what it says.

use prometheus::proto::{Bucket, Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use spoa_actors::observe::Histogram;
use spoa_handlers::metric::{self, Sample};

/// The bounds of the buckets that are shown, as powers of two in microseconds: 2 µs to 16.8 s.
const SHOWN: std::ops::RangeInclusive<u32> = 1..=24;

/// The labels of a sample: their names and values.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// All samples of one metric.
pub(crate) struct Family(MetricFamily);

impl Family {
    /// A number that only grows; its name ends in `_total`.
    pub(crate) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// Durations; its name ends in `_seconds`.
    pub(crate) fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::HISTOGRAM)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self(family)
    }

    /// With a sample of a counter or gauge.
    pub(crate) fn with(self, labels: Labels<'_>, value: u64) -> Self {
        // Whole up to 2^53.
        self.with_f64(labels, value as f64)
    }

    /// With a sample that is not whole.
    pub(crate) fn with_f64(mut self, labels: Labels<'_>, value: f64) -> Self {
        let mut metric = labelled(labels);
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
        self
    }

    /// With a sample for each of these.
    pub(crate) fn with_each<'a, T, const N: usize>(
        self,
        all: impl IntoIterator<Item = T>,
        sample: impl Fn(T) -> ([(&'a str, &'a str); N], u64),
    ) -> Self {
        all.into_iter().fold(self, |family, one| {
            let (labels, value) = sample(one);
            family.with(&labels, value)
        })
    }

    /// With the samples of a histogram.
    pub(crate) fn with_durations(mut self, labels: Labels<'_>, durations: &Histogram) -> Self {
        let mut metric = labelled(labels);
        let mut histogram = prometheus::proto::Histogram::default();
        histogram.set_sample_count(durations.count());
        histogram.set_sample_sum(durations.sum().as_secs_f64());
        histogram.set_bucket(buckets(durations));
        metric.set_histogram(histogram);
        self.0.mut_metric().push(metric);
        self
    }

    /// What the configuration file describes.
    pub(crate) fn of_described(described: &metric::Family) -> Self {
        let is_histogram =
            described.samples.iter().any(|(_, sample)| matches!(sample, Sample::Histogram(_)));
        let (name, help) = (&described.name, &described.help);
        let family =
            if is_histogram { Self::histogram(name, help) } else { Self::counter(name, help) };
        described.samples.iter().fold(family, |family, (values, sample)| {
            let values = values.iter().map(String::as_str);
            let labels: Vec<_> = described.labels.iter().map(String::as_str).zip(values).collect();
            match sample {
                Sample::Counter(value) => family.with_f64(&labels, *value),
                Sample::Histogram(buckets) => family.with_buckets(&labels, buckets),
            }
        })
    }

    fn with_buckets(mut self, labels: Labels<'_>, buckets: &metric::Buckets) -> Self {
        let bucket = |&(bound, count): &(f64, u64)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        let mut histogram = prometheus::proto::Histogram::default();
        histogram.set_sample_count(buckets.count);
        histogram.set_sample_sum(buckets.sum);
        histogram.set_bucket(buckets.buckets.iter().map(bucket).collect());
        let mut metric = labelled(labels);
        metric.set_histogram(histogram);
        self.0.mut_metric().push(metric);
        self
    }

    /// What `prometheus` writes; nothing if there is no sample.
    pub(crate) fn into_proto(self) -> Option<MetricFamily> {
        (!self.0.get_metric().is_empty()).then_some(self.0)
    }
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |&(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

/// Those with a bound that is shown; what lies above the last is in the count alone.
fn buckets(durations: &Histogram) -> Vec<Bucket> {
    let mut below = 0;
    let mut shown = Vec::with_capacity(SHOWN.count());
    for (power, (bound, count)) in (0..).zip(durations.buckets()) {
        below += count;
        if SHOWN.contains(&power) {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound.as_secs_f64());
            bucket.set_cumulative_count(below);
            shown.push(bucket);
        }
    }
    shown
}
