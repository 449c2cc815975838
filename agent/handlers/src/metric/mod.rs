//! Metrics that the file describes: counters and histograms with labels whose values come with messages, bounded.
//!
//! | file | what |
//! |---|---|
//! | `series` | what is counted for one set of label values |
//! | `metric` | all series of one name |
//! | `registry` | all metrics of the process, which outlive the chains that count |
//! | `sample` | what is shown of them |

mod metric;
mod registry;
mod sample;
mod series;

pub use metric::{Metric, Shape};
pub use registry::Registry;
pub use sample::{Buckets, Family, Sample};
