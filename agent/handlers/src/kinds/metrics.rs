//! `metrics`: counters and histograms with labels from the message, for `/metrics`.

use std::sync::Arc;

use super::{
    metric_settings::{MetricSettings, labels},
    shown_value::{self, ShownValue},
};
use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, Step, View},
    expression::{Fault, Value},
    file::List,
    finding::Finding,
    kind::{Description, Settings, WELL_KNOWN},
    metric::{Metric, Registry},
};

settings! {
    /// What `metrics` is set to.
    struct MetricsSettings, "`metrics`" {
        /// The counters and histograms.
        metrics: List<MetricSettings>,
        /// How many sets of label values each has: what comes beyond them is counted under `other`.
        max_series: u32 = 1000,
    }
}

/// The kind `metrics`.
pub(super) struct Metrics;

/// More series than any monitoring takes.
const MOST: u32 = 100_000;

const DESCRIPTION: Description = Description {
    name: "metrics",
    summary: "Counts messages and values for `/metrics`, by labels out of the message.",
    arguments: WELL_KNOWN,
    variables: &[],
    reasons: &[],
    settings: MetricsSettings::SETTINGS,
    example: r#"
[handler.seen]
kind = "metrics"
metrics = [
    { counter = "http_requests_total", labels = { host = "host.lowerAscii()", action = "action" } },
    { histogram = "http_body_bytes", value = "body_size", buckets = [1024, 65536, 1048576] },
]
"#,
};

impl Kind for Metrics {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn sees_verdict(&self) -> bool {
        true
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: MetricsSettings = making.settings()?;
        if !(1..=MOST).contains(&settings.max_series) {
            let finding = Finding::error(format!("`max_series` is not from 1 to {MOST}"))
                .at(making.place("max_series"), "too few or too many")
                .help("write how many different labels you want to see");
            making.add(finding);
            return None;
        }
        let most = settings.max_series as usize;
        let List(all) = &settings.metrics;
        let counted: Vec<_> =
            all.iter().map(|metric| Counted::read(metric, most, making)).collect();
        let counted = counted.into_iter().collect::<Option<Vec<_>>>()?;
        let step = Box::new(Counting(counted));
        Some(Made { step, variables: Vec::new(), decides: Decides::nothing() })
    }
}

/// A metric, and what is added to it.
struct Counted {
    metric: Arc<Metric>,
    labels: Vec<ShownValue>,
    /// 1 without it.
    value: Option<ShownValue>,
}

impl Counted {
    fn read(settings: &MetricSettings, most: usize, making: &mut Making<'_, '_>) -> Option<Self> {
        let shape = settings.shape(making);
        let labels = labels(settings, making);
        let value = settings.value(making);
        let (shape, labels, value) = (shape?, labels?, value?);
        let help = settings.help.clone();
        let metric = if making.resources().is_open() {
            Registry::of_process().metric(shape, help, most)
        } else {
            Arc::new(Metric::new(shape, help, most))
        };
        Some(Self { metric, labels, value })
    }

    fn add(&self, view: &View<'_, '_>) {
        let amount = match &self.value {
            None => Some(1.0),
            Some(value) => value.of(view).as_ref().and_then(amount),
        };
        let Some(amount) = amount else { return };
        let labels: Vec<_> = self
            .labels
            .iter()
            .map(|label| label.of(view).map(|value| shown_value::text(&value).into_owned()))
            .map(Option::unwrap_or_default)
            .collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        self.metric.add(&labels, amount);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of such numbers is not exact in any case")]
fn amount(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

struct Counting(Vec<Counted>);

impl Step for Counting {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        _: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        self.0.iter().for_each(|counted| counted.add(view));
        Ok(None)
    }
}
