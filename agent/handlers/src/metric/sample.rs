//! Sample: what is shown of a metric.

/// All samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// What it says.
    pub help: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What was counted, for each set of label values, in their order.
    pub samples: Vec<(Vec<String>, Sample)>,
}

/// What was counted for one set of label values.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// A number that only grows.
    Counter(f64),
    /// A distribution.
    Histogram(Buckets),
}

/// A distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// The upper bound of each bucket, and how many values are not above it.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}
