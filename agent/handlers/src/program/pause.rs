//! How long to wait before a program that fails is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// The pause in front of the next start. The first start again is at once.
#[derive(Default)]
pub(super) struct Pause {
    failures: u32,
}

impl Pause {
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A process that was ready is of no more use: that may be because of a message, so the next start waits only
    /// so long that nothing is started all the time.
    pub(super) fn stumbled(&mut self) {
        self.failures = (self.failures + 1).min(2);
    }

    /// A process has answered: the program is of use.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }

    pub(super) fn length(&self) -> Duration {
        match self.failures {
            0 | 1 => Duration::ZERO,
            failures => FIRST.saturating_mul(1 << (failures - 2).min(16)).min(LONGEST),
        }
    }
}
