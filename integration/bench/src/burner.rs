//! Work for the processor, by the microsecond.

use std::hint::black_box;
use std::time::{Duration, Instant};

const TRIAL: u32 = 200_000;
const TRIALS: u32 = 20;

/// Knows how many rounds of work this machine does in a microsecond: asking the clock would be
/// another kind of work.
#[derive(Clone, Copy, Debug)]
pub struct Burner {
    rounds_per_us: f64,
}

impl Burner {
    /// Measures; the best of some trials counts, because on a busy machine the others are too slow.
    #[must_use]
    pub fn calibrated() -> Self {
        let trial = |_| {
            let begun = Instant::now();
            work(TRIAL);
            begun.elapsed()
        };
        let best = (0..TRIALS).map(trial).min().unwrap_or(Duration::from_micros(100));
        Self { rounds_per_us: f64::from(TRIAL) / (best.as_secs_f64() * 1e6) }
    }

    /// Works for about so long.
    pub fn burn(self, us: u32) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates"
        )]
        work((self.rounds_per_us * f64::from(us)) as u32);
    }
}

fn work(rounds: u32) {
    let mut state = 1_u64;
    for round in 0..rounds {
        state = black_box(state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(round.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_burn_takes_long() {
        let begun = Instant::now();
        Burner::calibrated().burn(20_000);
        assert!(begun.elapsed() > Duration::from_millis(5));
    }
}
