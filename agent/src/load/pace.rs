//! Pace: the times of a connection's NOTIFYs.

/// The times of a connection's NOTIFYs, in nanoseconds since the start.
#[derive(Debug)]
pub(crate) enum Pace {
    /// Closed loop: as soon as the window has room.
    AsAnswered,
    /// Open loop: at fixed times, whether or not earlier ones are answered.
    ByTheClock(Schedule),
}

/// Every `step`-th tick of a clock.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    interval: f64,
    start: u64,
    beat: u64,
    step: u64,
}

impl Pace {
    /// The time of the next NOTIFY, if it has come; the NOTIFY then counts as sent.
    #[inline]
    pub(crate) fn take(&mut self, now: u64) -> Option<u64> {
        match self {
            Self::AsAnswered => Some(now),
            Self::ByTheClock(schedule) => schedule.take(now),
        }
    }
}

impl Schedule {
    /// `rate` ticks per second in all; each of `step` connections has every `step`-th.
    pub(crate) fn new(rate: u32, start: u64, first: u64, step: u64) -> Self {
        Self { interval: 1e9 / f64::from(rate), start, beat: first, step }
    }

    /// The time of the next one.
    pub(crate) fn next(&self) -> u64 {
        self.start + (self.beat as f64 * self.interval) as u64
    }

    /// The time of the next one, if it has come; moves on to the one after it.
    pub(crate) fn take(&mut self, now: u64) -> Option<u64> {
        let due = self.next();
        (due <= now).then(|| {
            self.beat += self.step;
            due
        })
    }

    /// The number of the next one.
    pub(crate) fn beat(&self) -> u64 {
        self.beat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn what_could_not_be_sent_in_time_keeps_its_intended_time() {
        let mut pace = Pace::ByTheClock(Schedule::new(1000, 5 * MS, 0, 1));
        assert_eq!(pace.take(5 * MS - 1), None);
        assert_eq!(pace.take(5 * MS), Some(5 * MS));
        assert_eq!(pace.take(5 * MS), None);
        // Held up for 3 ms: three are due, and each says since when.
        let late: Vec<_> = std::iter::from_fn(|| pace.take(8 * MS)).collect();
        assert_eq!(late, [6 * MS, 7 * MS, 8 * MS]);
    }

    #[test]
    fn connections_share_the_rate_in_turn() {
        let mut first = Schedule::new(1000, 0, 0, 2);
        let mut second = Schedule::new(1000, 0, 1, 2);
        let all = |schedule: &mut Schedule| -> Vec<_> {
            std::iter::from_fn(|| schedule.take(5 * MS)).collect()
        };
        assert_eq!(all(&mut first), [0, 2 * MS, 4 * MS]);
        assert_eq!(all(&mut second), [MS, 3 * MS, 5 * MS]);
    }

    #[test]
    fn a_rate_does_not_drift() {
        let mut schedule = Schedule::new(7, 0, 0, 1);
        let taken = std::iter::from_fn(|| schedule.take(3600 * 1000 * MS)).count();
        assert_eq!(taken, 3600 * 7 + 1);
    }

    #[test]
    fn as_answered_is_at_once() {
        assert_eq!(Pace::AsAnswered.take(7), Some(7));
    }
}
