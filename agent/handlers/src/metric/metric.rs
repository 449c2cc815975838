//! Metric: all series of one name, and no more of them than it was given room for.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    sample::{Family, Sample},
    series::Series,
};

/// What the values of labels are counted under when there are too many of them.
const OTHER: &str = "other";
/// The longest value of a label, in bytes: what is longer is cut.
const LONGEST: usize = 128;

/// The values of all labels, in their order.
type Labels = Box<[Box<str>]>;

/// What a metric is: all that has to be the same for its counts to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The upper bounds of its buckets, in their order; none for a counter.
    pub bounds: Option<Vec<f64>>,
}

/// A metric. What is found for label values is a look into a table that is replaced when a series is added, so that
/// no thread waits for another.
#[derive(Debug)]
pub struct Metric {
    shape: Shape,
    help: String,
    /// How many series there are at most, beside that of all others.
    most: usize,
    all: ArcSwap<HashMap<Labels, Arc<Series>>>,
    other: Series,
}

impl Metric {
    /// A metric with up to so many sets of label values; what comes beyond them is counted under `other`.
    #[must_use]
    pub fn new(shape: Shape, help: String, most: usize) -> Self {
        let other = Series::new(shape.bounds.as_deref());
        Self { shape, help, most, all: ArcSwap::default(), other }
    }

    /// What it is.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Adds a value; a counter takes none that is negative.
    pub fn add(&self, labels: &[&str], value: f64) {
        let bounds = self.shape.bounds.as_deref();
        if !value.is_finite() || (bounds.is_none() && value < 0.0) {
            return;
        }
        let labels: Labels = labels.iter().map(|label| cut(label).into()).collect();
        let all = self.all.load();
        match all.get(&labels) {
            Some(series) => series.add(value, bounds),
            None if all.len() >= self.most => self.other.add(value, bounds),
            // The last one that had room may be another thread's.
            None => match self.added(labels) {
                Some(series) => series.add(value, bounds),
                None => self.other.add(value, bounds),
            },
        }
    }

    /// The series of new label values, if there is still room for it.
    fn added(&self, labels: Labels) -> Option<Arc<Series>> {
        let new = Arc::new(Series::new(self.shape.bounds.as_deref()));
        self.all.rcu(|all| {
            let mut all = HashMap::clone(all);
            if all.len() < self.most {
                all.entry(labels.clone()).or_insert_with(|| Arc::clone(&new));
            }
            all
        });
        self.all.load().get(&labels).map(Arc::clone)
    }

    /// What was counted.
    #[must_use]
    pub fn family(&self) -> Family {
        let bounds = self.shape.bounds.as_deref();
        let all = self.all.load();
        let mut samples: Vec<_> = all
            .iter()
            .map(|(labels, series)| {
                let labels = labels.iter().map(|label| label.to_string()).collect::<Vec<_>>();
                (labels, series.sample(bounds))
            })
            .collect();
        samples.sort_by(|(one, _), (other, _)| one.cmp(other));
        let other = self.other.sample(bounds);
        let is_used = match &other {
            Sample::Counter(value) => *value > 0.0,
            Sample::Histogram(buckets) => buckets.count > 0,
        };
        if is_used {
            samples.push((vec![OTHER.to_owned(); self.shape.labels.len()], other));
        }
        Family {
            name: self.shape.name.clone(),
            help: self.help.clone(),
            labels: self.shape.labels.clone(),
            samples,
        }
    }
}

fn cut(label: &str) -> &str {
    &label[..label.floor_char_boundary(LONGEST)]
}
