//! The settings of one metric, and what is wrong with them.

use super::shown_value::ShownValue;
use crate::{
    chain::Making,
    expression::{Scalar, Type},
    file::{FromNode, Key, List, Node, Reading, Text, Value as FileValue},
    finding::{Finding, Place},
    metric::Shape,
};

/// The buckets of a histogram that names none: Prometheus's own.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The most labels, and the most buckets.
const MOST: usize = 64;

settings! {
    /// A metric.
    pub(super) struct MetricSettings, "a metric" {
        /// The name of a counter, which ends in `_total`.
        counter: Option<Text>,
        /// The name of a histogram.
        histogram: Option<Text>,
        /// What it says.
        help: String = "Counted by the configuration file.".to_owned(),
        /// What is added: an expression that is a number; by default 1.
        value: Option<Text>,
        /// The labels, and the expressions of their values.
        labels: Labels = Labels(Vec::new()),
        /// The upper bounds of the buckets, from the lowest on; by default those for seconds.
        buckets: Option<List<f64>>,
    }
}

/// Labels by name.
#[derive(Clone, Debug)]
pub(super) struct Labels(Vec<(Key, Text)>);

impl FromNode for Labels {
    const NAME: &'static str = "a table of labels";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let table = match &node.value {
            FileValue::Table(table) => table,
            FileValue::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, "`{ host = \"host\" }`");
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| Some((entry.key.clone(), Text::from_node(&entry.node, reading)?)))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        let written: Vec<_> =
            self.0.iter().map(|(key, text)| format!("{} = {}", key.name, text.write())).collect();
        format!("{{ {} }}", written.join(", "))
    }
}

impl MetricSettings {
    /// What the metric is; what is wrong with it joins the findings.
    pub(super) fn shape(&self, making: &mut Making<'_, '_>) -> Option<Shape> {
        let name = self.name(making)?;
        if let Some((key, _)) = self.labels.0.iter().find(|(key, _)| !is_label(&key.name)) {
            let help = "use letters, digits and `_`, no digit in front, no `__` and not `le`";
            return wrong(making, "this is no name for a label", key.place, help);
        }
        if self.labels.0.len() > MOST {
            let help = "keep those that you look for";
            return wrong(making, "a metric has more than 64 labels", name.place(), help);
        }
        let bounds = match (&self.buckets, &self.counter) {
            (Some(_), Some(_)) => {
                let help = "remove `buckets`, or make it a `histogram`";
                return wrong(making, "a counter has no buckets", name.place(), help);
            }
            (None, Some(_)) => None,
            (None, None) => Some(BUCKETS.to_vec()),
            (Some(List(bounds)), None) if are_bounds(bounds) => Some(bounds.clone()),
            (Some(_), None) => {
                let title = "`buckets` are up to 64 numbers, each larger than the one before";
                let help = "write them from the lowest on, such as `[0.1, 1, 10]`";
                return wrong(making, title, name.place(), help);
            }
        };
        let labels = self.labels.0.iter().map(|(key, _)| key.name.clone()).collect();
        Some(Shape { name: name.as_str().to_owned(), labels, bounds })
    }

    fn name(&self, making: &mut Making<'_, '_>) -> Option<&Text> {
        let name = match (&self.counter, &self.histogram) {
            (Some(name), None) | (None, Some(name)) => name,
            (Some(name), Some(_)) => {
                let title = "a metric is a counter and a histogram";
                return wrong(making, title, name.place(), "keep one of them");
            }
            (None, None) => {
                let place = making.place("metrics");
                let help = "write `counter = \"requests_total\"` or `histogram = \"size_bytes\"`";
                return wrong(making, "a metric has no name", place, help);
            }
        };
        let text = name.as_str();
        if !is_name(text, true) {
            let help = "use letters, digits and `_`, and no digit in front";
            return wrong(making, "this is no name for a metric", name.place(), help);
        }
        if text.starts_with("spoa_") {
            let title = "names that begin with `spoa_` are the agent's own";
            return wrong(making, title, name.place(), "use another name");
        }
        if self.counter.is_some() && !text.ends_with("_total") {
            let help = format!("write `\"{text}_total\"`");
            return wrong(making, "the name of a counter ends in `_total`", name.place(), &help);
        }
        Some(name)
    }

    /// What is added, if it is not 1.
    #[expect(clippy::option_option, reason = "a finding, or nothing that is said")]
    pub(super) fn value(&self, making: &mut Making<'_, '_>) -> Option<Option<ShownValue>> {
        let Some(text) = &self.value else {
            if let Some(name) = &self.histogram {
                return wrong(
                    making,
                    "a histogram needs a `value`",
                    name.place(),
                    "add `value = \"body_size\"`",
                );
            }
            return Some(None);
        };
        let own = making.expression(text)?.value_type();
        if !matches!(own, Type::One(Scalar::Int | Scalar::Double)) {
            return wrong(
                making,
                &format!("the value of a metric is a number, and this is {own}"),
                text.place(),
                "write an expression such as `body_size`",
            );
        }
        ShownValue::read(text, making).map(Some)
    }
}

/// The values of the labels, in their order.
pub(super) fn labels(
    settings: &MetricSettings,
    making: &mut Making<'_, '_>,
) -> Option<Vec<ShownValue>> {
    let read: Vec<_> =
        settings.labels.0.iter().map(|(_, text)| ShownValue::read(text, making)).collect();
    read.into_iter().collect()
}

fn wrong<T>(making: &mut Making<'_, '_>, title: &str, place: Place, help: &str) -> Option<T> {
    making.add(Finding::error(title.to_owned()).at(place, "here").help(help.to_owned()));
    None
}

fn is_name(name: &str, has_colons: bool) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (has_colons && byte == b':');
    name.len() <= 128
        && name.bytes().all(is_part)
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn are_bounds(bounds: &[f64]) -> bool {
    (1..=MOST).contains(&bounds.len())
        && bounds.is_sorted_by(|one, next| one < next)
        && bounds.iter().all(|bound| bound.is_finite())
}

fn is_label(name: &str) -> bool {
    is_name(name, false) && !name.starts_with("__") && name != "le"
}
