//! Rates: who may go on, and who has come too often.

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use super::slots::{MOST, Slots};
use crate::value::Rate;

/// Times are kept in quarters of a microsecond: 800 days until they begin anew.
const TICKS_PER_MICROSECOND: u64 = 4;
/// How far a bucket may reach into the future: what is further away is in the past.
const FARTHEST: u64 = MOST >> 2;

/// How often something may happen: at a rate on average, and `burst` times at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// From one to the next, in ticks.
    interval: u64,
    burst: u32,
}

impl Limit {
    /// At this rate, and at most `burst` at once. None if one of them is 0, if it is more than four million a
    /// second, or if a bucket would take more than 200 days to fill.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spoa_handlers::{table::Limit, value::Rate};
    ///
    /// let rate = Rate { count: 10, per: Duration::from_secs(60) };
    /// assert!(Limit::new(rate, 5).is_some());
    /// assert!(Limit::new(rate, 0).is_none());
    /// ```
    #[must_use]
    pub fn new(rate: Rate, burst: u32) -> Option<Self> {
        let interval = ticks(rate.per).checked_div(rate.count).filter(|&interval| interval > 0)?;
        let filled = interval.checked_mul(burst.into())?;
        (filled > 0 && filled <= FARTHEST).then_some(Self { interval, burst })
    }
}

/// Whether somebody may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allowance {
    /// Yes, and so often again at once.
    Allowed {
        /// What is left in the bucket.
        remaining: u32,
    },
    /// No.
    Limited {
        /// When it may be tried again; none if it costs more than the bucket holds.
        retry_after: Option<Duration>,
    },
}

/// Buckets by key (GCRA), shared by all threads. It takes 16 bytes a key from the beginning, and not a
/// byte more whoever comes: a new key takes the place of the bucket of its set that is nearest to full.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use spoa_handlers::{
///     table::{Allowance, Limit, Rates},
///     value::Rate,
/// };
///
/// let now = Instant::now();
/// let rates = Rates::new(100_000, now);
/// let rate = Rate { count: 1, per: Duration::from_secs(1) };
/// let Some(limit) = Limit::new(rate, 2) else { panic!("it is one") };
/// assert_eq!(rates.take("192.0.2.1", &limit, 1, now), Allowance::Allowed { remaining: 1 });
/// assert_eq!(rates.take("192.0.2.1", &limit, 1, now), Allowance::Allowed { remaining: 0 });
/// let retry_after = Some(Duration::from_secs(1));
/// assert_eq!(rates.take("192.0.2.1", &limit, 1, now), Allowance::Limited { retry_after });
/// ```
#[derive(Debug)]
pub struct Rates {
    slots: Slots,
    began: Instant,
}

impl Rates {
    /// Buckets for this many keys, all full.
    #[must_use]
    pub fn new(keys: usize, now: Instant) -> Self {
        Self { slots: Slots::new(keys), began: now }
    }

    /// Takes `cost` out of the bucket of a key, unless there is less in it. To look at it, take 0.
    ///
    /// Another rate than before applies to what is in the bucket.
    pub fn take(
        &self,
        key: &(impl Hash + ?Sized),
        limit: &Limit,
        cost: u32,
        now: Instant,
    ) -> Allowance {
        let now = ticks(now.saturating_duration_since(self.began)) & MOST;
        let full = limit.interval * u64::from(limit.burst);
        let cost = limit.interval.saturating_mul(cost.into());
        self.slots.update(
            key,
            |state| missing(state, now),
            |state| {
                let before = state.map_or(0, |state| missing(state, now));
                // Of a rate that was slower: an empty bucket fills at the rate of now.
                let emptied = (before > full).then(|| now.wrapping_add(full) & MOST);
                let taken = before.min(full).saturating_add(cost);
                if taken > full {
                    let wait = (cost <= full).then(|| duration(taken - full));
                    return (emptied, Allowance::Limited { retry_after: wait });
                }
                let remaining = ((full - taken) / limit.interval) as u32;
                let next = (cost > 0).then(|| now.wrapping_add(taken) & MOST);
                (next, Allowance::Allowed { remaining })
            },
        )
    }

    /// How many keys lost a bucket that was not full, because others needed their places: if it grows,
    /// the table is too small.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.slots.forgotten()
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
    }
}

/// How much a bucket lacks: the time until it is full, which is what its state is.
fn missing(state: u64, now: u64) -> u64 {
    let ahead = state.wrapping_sub(now) & MOST;
    if ahead > FARTHEST { 0 } else { ahead }
}

fn ticks(duration: Duration) -> u64 {
    let ticks = duration.as_nanos() * u128::from(TICKS_PER_MICROSECOND) / 1_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Rounded up, so that who waits so long has waited enough.
fn duration(ticks: u64) -> Duration {
    Duration::from_micros(ticks.div_ceil(TICKS_PER_MICROSECOND))
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn new(count: u64, per: Duration, burst: u32) -> Option<Limit> {
        Limit::new(Rate { count, per }, burst)
    }

    fn limit(count: u64, burst: u32) -> Limit {
        new(count, SECOND, burst).unwrap()
    }

    fn is_allowed(allowance: Allowance) -> bool {
        matches!(allowance, Allowance::Allowed { .. })
    }

    #[test]
    fn a_hundred_a_second_with_a_burst_of_two_hundred_lets_three_hundred_pass() {
        let began = Instant::now();
        let rates = Rates::new(1_000, began);
        for (tries, second) in [(1_000_000_u32, 0), (1_000_000, 1)] {
            let first = began + second * SECOND;
            let at = |index: u32| first + SECOND / tries * index;
            let mut tried =
                (0..tries).map(|index| rates.take("key", &limit(100, 200), 1, at(index)));
            let passed = tried.by_ref().filter(|&one| is_allowed(one)).count();
            let expected = if second == 0 { 299..=301 } else { 99..=101 };
            assert!(expected.contains(&passed), "{passed} in second {second}");
        }
    }

    #[test]
    fn what_is_limited_may_go_on_after_the_time_that_it_was_given() {
        let began = Instant::now();
        let rates = Rates::new(8, began);
        let limit = limit(3, 1);
        assert!(is_allowed(rates.take(&1, &limit, 1, began)));
        let Allowance::Limited { retry_after: Some(wait) } = rates.take(&1, &limit, 1, began)
        else {
            panic!("it is limited")
        };
        let early = began + wait - Duration::from_micros(1);
        assert!(!is_allowed(rates.take(&1, &limit, 1, early)));
        assert!(is_allowed(rates.take(&1, &limit, 1, began + wait)));
    }

    #[test]
    fn a_cost_is_taken_as_a_whole_or_not_at_all() {
        let now = Instant::now();
        let rates = Rates::new(8, now);
        let limit = limit(1, 10);
        assert_eq!(rates.take("a", &limit, 7, now), Allowance::Allowed { remaining: 3 });
        let retry_after = Some(SECOND);
        assert_eq!(rates.take("a", &limit, 4, now), Allowance::Limited { retry_after });
        assert_eq!(rates.take("a", &limit, 0, now), Allowance::Allowed { remaining: 3 });
        assert_eq!(rates.take("a", &limit, 3, now), Allowance::Allowed { remaining: 0 });
        let retry_after = None;
        assert_eq!(rates.take("b", &limit, 11, now), Allowance::Limited { retry_after });
        assert_eq!(rates.take("b", &limit, 10, now), Allowance::Allowed { remaining: 0 });
        let slow = new(1, Duration::from_secs(86_400), 200).unwrap();
        assert_eq!(rates.take("c", &slow, u32::MAX, now), Allowance::Limited { retry_after });
    }

    #[test]
    fn another_rate_applies_to_what_is_in_the_bucket() {
        let now = Instant::now();
        let rates = Rates::new(8, now);
        rates.take("a", &limit(1, 100), 100, now);
        assert_eq!(
            rates.take("a", &limit(10, 20), 1, now + SECOND),
            Allowance::Limited { retry_after: Some(SECOND / 10) }
        );
        assert!(is_allowed(rates.take("a", &limit(10, 20), 20, now + 3 * SECOND)));
    }

    #[test]
    fn a_bucket_is_full_again_whatever_time_has_gone() {
        let began = Instant::now();
        let rates = Rates::new(8, began);
        let limit = limit(1, 2);
        let day = Duration::from_secs(86_400);
        for days in [0, 1, 100, 399, 800, 815, 2_000] {
            let now = began + day * days;
            assert_eq!(
                rates.take("a", &limit, 2, now),
                Allowance::Allowed { remaining: 0 },
                "{days}"
            );
        }
    }

    #[test]
    fn a_rate_that_cannot_be_kept_is_none() {
        assert_eq!(new(1, Duration::ZERO, 1), None);
        assert_eq!(new(1, SECOND, 0), None);
        assert_eq!(new(5_000_000, SECOND, 1), None);
        assert_eq!(new(1, Duration::from_secs(86_400), 204), None);
        assert_eq!(new(1, Duration::MAX, u32::MAX), None);
        assert!(new(4_000_000, SECOND, u32::MAX).is_some());
    }

    #[test]
    fn threads_share_one_bucket() {
        let now = Instant::now();
        let rates = Rates::new(64, now);
        rates.take("key", &limit(1, 300_000), 1, now);
        let begin = Barrier::new(4);
        let passed: usize = thread::scope(|scope| {
            let ask = || {
                begin.wait();
                let all = (0..200_000).map(|_| rates.take("key", &limit(1, 300_000), 1, now));
                all.filter(|&one| is_allowed(one)).count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 299_999);
    }
}
