//! Tally: what one line a second tells, whichever threads it adds up from.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_secs(1);

/// Adds up what there is to say, and lets one line through a second that says all of it.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<(Option<Instant>, u64)>);

impl Tally {
    /// Adds to what there is to say; all of it, if a line may be written now.
    pub(crate) fn add(&self, number: u64) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, suppressed) = &mut *state;
        *suppressed += number;
        if *suppressed == 0 || last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_tells_all_that_was_left_unsaid() {
        let tally = Tally::default();
        assert_eq!(tally.add(0), None);
        assert_eq!(tally.add(2), Some(2));
        assert_eq!(tally.add(3), None);
        let end = Instant::now() + Duration::from_secs(5);
        let said = std::iter::from_fn(|| Some(tally.add(0)));
        let said = said.take_while(|_| Instant::now() < end).flatten().next();
        assert_eq!(said, Some(3));
    }
}
