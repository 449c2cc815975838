//! Series: what is counted for one set of label values. All threads add to it, and none waits.

use std::sync::atomic::{AtomicU64, Ordering};

use super::sample::{Buckets, Sample};

/// What is counted.
#[derive(Debug)]
pub(super) struct Series {
    /// How many values are in each bucket, and above the last; nothing for a counter.
    buckets: Vec<AtomicU64>,
    /// The sum, as the bits of a number with a fraction.
    sum: AtomicU64,
}

impl Series {
    /// One with this many bounds; a counter has none.
    pub(super) fn new(bounds: Option<&[f64]>) -> Self {
        let count = bounds.map_or(0, |bounds| bounds.len() + 1);
        let buckets = (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    pub(super) fn add(&self, value: f64, bounds: Option<&[f64]>) {
        if let Some(bounds) = bounds {
            let at = bounds.partition_point(|bound| *bound < value);
            if let Some(bucket) = self.buckets.get(at) {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        let plus = |sum: u64| Some((f64::from_bits(sum) + value).to_bits());
        // What is always some is never refused.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, plus);
    }

    pub(super) fn sample(&self, bounds: Option<&[f64]>) -> Sample {
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        let Some(bounds) = bounds else { return Sample::Counter(sum) };
        let mut count = 0;
        let mut counts = self.buckets.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = bounds.iter().copied().zip(&mut counts).collect();
        let count = counts.next().unwrap_or_default();
        Sample::Histogram(Buckets { buckets, count, sum })
    }
}
