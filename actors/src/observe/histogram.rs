//! Histogram: durations in buckets whose bounds double.

use std::time::Duration;

/// Durations in buckets with doubling bounds from 1 µs on. A quantile is right within a factor of
/// two.
///
/// ```
/// use spoa_actors::observe::Statistics;
///
/// /// Within how many milliseconds 99 of 100 NOTIFYs were answered.
/// fn p99(statistics: &Statistics) -> Option<u128> {
///     Some(statistics.latency.quantile(0.99)?.as_millis())
/// }
/// # assert_eq!(p99(&Statistics::default()), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Histogram {
    counts: [u64; Self::BUCKETS],
    sum: Duration,
}

impl Histogram {
    /// The number of buckets.
    pub const BUCKETS: usize = 32;

    /// The buckets from the smallest: the upper bound and the count of each.
    ///
    /// The first bucket has all durations below 1 µs. The last one has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.counts.iter().enumerate().map(|(index, &count)| {
            let bound = match index {
                last if last + 1 == Self::BUCKETS => Duration::MAX,
                index => Duration::from_micros(1 << index),
            };
            (bound, count)
        })
    }

    /// The number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// An upper bound of this quantile, such as 0.99; `None` without durations.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (part.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let mut buckets = self.buckets();
        buckets
            .find(|(_, count)| {
                seen += count;
                seen >= rank
            })
            .filter(|_| count > 0)
            .map(|(bound, _)| bound)
    }

    pub(crate) fn record(&mut self, duration: Duration, times: u64) {
        // Not `as_micros`, which computes with 128 bits.
        let seconds = duration.as_secs().saturating_mul(1_000_000);
        let microseconds = seconds.saturating_add(duration.subsec_micros().into());
        let index = (u64::BITS - microseconds.leading_zeros()) as usize;
        self.counts[index.min(Self::BUCKETS - 1)] += times;
        // The multiplication is skipped in the common case.
        self.sum += match times {
            1 => duration,
            times => duration.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)),
        };
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; Self::BUCKETS], sum: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_land_in_the_bucket_below_whose_bound_they_are() {
        let mut histogram = Histogram::default();
        for micros in [0, 1, 2, 3, 4, 1000, u64::MAX] {
            histogram.record(Duration::from_micros(micros), 1);
        }
        let filled: Vec<_> = histogram
            .buckets()
            .filter(|&(_, count)| count > 0)
            .map(|(b, n)| (b.as_micros(), n))
            .collect();
        let last = Duration::MAX.as_micros();
        assert_eq!(filled, [(1, 1), (2, 1), (4, 2), (8, 1), (1024, 1), (last, 1)]);
        assert_eq!(histogram.count(), 7);
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        histogram.record(Duration::from_micros(3), 98);
        histogram.record(Duration::from_micros(1000), 2);
        let micros = |part| histogram.quantile(part).map(|bound| bound.as_micros());
        assert_eq!([0.0, 0.5, 0.98, 0.99, 1.0].map(micros), [4, 4, 4, 1024, 1024].map(Some));
    }
}
