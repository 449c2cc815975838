//! Bans: what somebody did, counted over a window, and who is out because of it.

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use super::slots::{MOST, Slots};

/// The highest state says that the rest is the millisecond at which a ban ends.
const BANNED: u64 = (MOST + 1) >> 1;
/// A count is this window's and the last one's, with so many bits each.
const COUNT_BITS: u32 = 12;
const MOST_COUNTED: u64 = (1 << COUNT_BITS) - 1;
/// Behind the counts stands the number of the window, which begins anew after this.
const WINDOWS: u64 = BANNED >> (2 * COUNT_BITS);

/// When somebody is out, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BanRule {
    threshold: u32,
    window: u64,
    lasts: u64,
}

impl BanRule {
    /// Who was counted `threshold` times within `window` is out while it `lasts`. None if the threshold is 0
    /// or above 4,095, or if a duration is below a millisecond or above a thousand years.
    #[must_use]
    pub fn new(threshold: u32, window: Duration, lasts: Duration) -> Option<Self> {
        let counted = (1..=MOST_COUNTED).contains(&threshold.into());
        let time = |duration: Duration| {
            let time = millis(duration);
            (1..BANNED / 4).contains(&time).then_some(time)
        };
        counted.then_some(Self { threshold, window: time(window)?, lasts: time(lasts)? })
    }
}

/// How somebody stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Not out.
    Free {
        /// What was counted within the window.
        count: u32,
    },
    /// Out.
    Banned {
        /// How long still.
        remaining: Duration,
    },
}

/// Counts and bans by key, shared by all threads: 16 bytes a key from the beginning, and not a byte more
/// whoever comes. A new key takes the place of the one in its set that was counted least; a ban goes last.
///
/// The window slides: what was counted in the last window counts by the share of it that still lies
/// within one window of now.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use spoa_handlers::table::{BanRule, Bans, Standing};
///
/// let now = Instant::now();
/// let bans = Bans::new(100_000, now);
/// let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// let Some(rule) = BanRule::new(3, minute, hour) else { panic!("it is one") };
/// bans.count("192.0.2.1", &rule, now);
/// assert_eq!(bans.count("192.0.2.1", &rule, now), Standing::Free { count: 2 });
/// assert_eq!(bans.count("192.0.2.1", &rule, now), Standing::Banned { remaining: hour });
/// assert_eq!(bans.standing("192.0.2.1", &rule, now + hour), Standing::Free { count: 0 });
/// ```
#[derive(Debug)]
pub struct Bans {
    slots: Slots,
    began: Instant,
}

impl Bans {
    /// A table for this many keys.
    #[must_use]
    pub fn new(keys: usize, now: Instant) -> Self {
        Self { slots: Slots::new(keys), began: now }
    }

    /// Counts one more, unless the key is out: a ban is not made longer by what is done meanwhile.
    pub fn count(&self, key: &(impl Hash + ?Sized), rule: &BanRule, now: Instant) -> Standing {
        self.change(key, rule, now, |state, now| match state {
            State::Banned { .. } => None,
            State::Counted(counts) => {
                let counts = counts.plus_one(rule, now);
                let is_out = counts.sum(rule, now) >= u64::from(rule.threshold);
                Some(if is_out {
                    State::Banned { until: now + rule.lasts }
                } else {
                    State::Counted(counts)
                })
            }
        })
    }

    /// How a key stands, without a count.
    pub fn standing(&self, key: &(impl Hash + ?Sized), rule: &BanRule, now: Instant) -> Standing {
        self.change(key, rule, now, |_, _| None)
    }

    /// Bans a key at once.
    pub fn ban(&self, key: &(impl Hash + ?Sized), rule: &BanRule, now: Instant) -> Standing {
        self.change(key, rule, now, |_, now| Some(State::Banned { until: now + rule.lasts }))
    }

    /// Forgets what a key has done: after a login that succeeded, or because an operator says so.
    pub fn forgive(&self, key: &(impl Hash + ?Sized), rule: &BanRule, now: Instant) -> Standing {
        self.change(key, rule, now, |_, now| Some(State::Counted(Counts::none(rule, now))))
    }

    /// How many keys lost a count or a ban, because others needed their places: if it grows, the table is
    /// too small.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.slots.forgotten()
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
    }

    fn change(
        &self,
        key: &(impl Hash + ?Sized),
        rule: &BanRule,
        now: Instant,
        next: impl Fn(State, u64) -> Option<State>,
    ) -> Standing {
        // A ban that ends has to have its place behind the time now.
        let now = millis(now.saturating_duration_since(self.began)).min(BANNED / 2);
        self.slots.update(
            key,
            |word| State::read(word).weight(rule, now),
            |word| {
                let state = word.map_or(State::Counted(Counts::none(rule, now)), State::read);
                let state = state.at(rule, now);
                let changed = next(state, now);
                let standing = match changed.unwrap_or(state) {
                    State::Counted(counts) => {
                        Standing::Free { count: counts.sum(rule, now) as u32 }
                    }
                    State::Banned { until } => {
                        Standing::Banned { remaining: Duration::from_millis(until - now) }
                    }
                };
                (changed.map(State::word), standing)
            },
        )
    }
}

/// A state as it is kept.
#[derive(Clone, Copy)]
enum State {
    Counted(Counts),
    Banned { until: u64 },
}

/// What was counted in a window, and in the one before it.
#[derive(Clone, Copy)]
struct Counts {
    window: u64,
    before: u64,
    within: u64,
}

impl State {
    fn read(word: u64) -> Self {
        if word & BANNED != 0 {
            return Self::Banned { until: word & (BANNED - 1) };
        }
        Self::Counted(Counts {
            window: word >> (2 * COUNT_BITS),
            before: (word >> COUNT_BITS) & MOST_COUNTED,
            within: word & MOST_COUNTED,
        })
    }

    fn word(self) -> u64 {
        match self {
            Self::Banned { until } => BANNED | until.min(BANNED - 1),
            Self::Counted(Counts { window, before, within }) => {
                window << (2 * COUNT_BITS) | before << COUNT_BITS | within
            }
        }
    }

    /// What it is at this time: a ban that is over is no state, and counts move on.
    fn at(self, rule: &BanRule, now: u64) -> Self {
        match self {
            Self::Banned { until } if until <= now => Self::Counted(Counts::none(rule, now)),
            Self::Banned { .. } => self,
            Self::Counted(counts) => Self::Counted(counts.at(rule, now)),
        }
    }

    fn weight(self, rule: &BanRule, now: u64) -> u64 {
        match self.at(rule, now) {
            Self::Counted(counts) => counts.sum(rule, now),
            Self::Banned { until } => MOST_COUNTED * 2 + until - now,
        }
    }
}

impl Counts {
    fn none(rule: &BanRule, now: u64) -> Self {
        Self { window: now / rule.window % WINDOWS, before: 0, within: 0 }
    }

    fn at(self, rule: &BanRule, now: u64) -> Self {
        let none = Self::none(rule, now);
        if self.window == none.window {
            self
        } else if (self.window + 1) % WINDOWS == none.window {
            Self { before: self.within, ..none }
        } else {
            none
        }
    }

    fn plus_one(self, rule: &BanRule, now: u64) -> Self {
        let counts = self.at(rule, now);
        Self { within: (counts.within + 1).min(MOST_COUNTED), ..counts }
    }

    fn sum(self, rule: &BanRule, now: u64) -> u64 {
        let gone = now % rule.window;
        let before = u128::from(self.before) * u128::from(rule.window - gone);
        (before / u128::from(rule.window)) as u64 + self.within
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rule() -> BanRule {
        BanRule::new(5, 10 * SECOND, 60 * SECOND).unwrap()
    }

    fn banned(seconds: u32) -> Standing {
        Standing::Banned { remaining: seconds * SECOND }
    }

    #[test]
    fn who_is_counted_five_times_in_the_window_is_out_until_the_ban_ends() {
        let began = Instant::now();
        let bans = Bans::new(1_000, began);
        for count in 1..5 {
            let at = began + count * SECOND;
            assert_eq!(bans.count("key", &rule(), at), Standing::Free { count });
        }
        let at = began + 5 * SECOND;
        assert_eq!(bans.count("key", &rule(), at), banned(60));
        assert_eq!(bans.count("key", &rule(), at + SECOND), banned(59), "it is not made longer");
        assert_eq!(bans.standing("key", &rule(), at + 59 * SECOND), banned(1));
        let free = Standing::Free { count: 0 };
        assert_eq!(bans.standing("key", &rule(), at + 60 * SECOND), free);
        assert_eq!(bans.standing("other", &rule(), at), free);
        assert_eq!(bans.count("key", &rule(), at + 60 * SECOND), Standing::Free { count: 1 });
    }

    #[test]
    fn the_window_slides() {
        let began = Instant::now();
        let bans = Bans::new(1_000, began);
        // Four at the end of one window, and one at the beginning of the next: five in a second.
        for _ in 0..4 {
            bans.count("fast", &rule(), began + 19 * SECOND);
            bans.count("slow", &rule(), began + 11 * SECOND);
        }
        assert_eq!(bans.count("fast", &rule(), began + 20 * SECOND), banned(60));
        let later = began + 26 * SECOND;
        assert_eq!(bans.count("slow", &rule(), later), Standing::Free { count: 2 });
        let much_later = began + 40 * SECOND;
        assert_eq!(bans.standing("slow", &rule(), much_later), Standing::Free { count: 0 });
    }

    #[test]
    fn who_is_forgiven_begins_anew_and_who_is_banned_is_out_at_once() {
        let now = Instant::now();
        let bans = Bans::new(1_000, now);
        assert_eq!(bans.ban("key", &rule(), now), banned(60));
        assert_eq!(bans.forgive("key", &rule(), now), Standing::Free { count: 0 });
        assert_eq!(bans.count("key", &rule(), now), Standing::Free { count: 1 });
    }

    #[test]
    fn bans_outlast_a_flood_of_keys_that_did_little() {
        let now = Instant::now();
        let bans = Bans::new(1_024, now);
        let keys = (0..64_u32).map(|key| key + 1_000_000);
        for key in keys.clone() {
            bans.ban(&key, &rule(), now);
        }
        for key in 0..100_000_u32 {
            bans.count(&key, &rule(), now);
        }
        let held = keys.filter(|key| bans.standing(key, &rule(), now) == banned(60)).count();
        assert_eq!(held, 64);
        assert!(bans.forgotten() > 90_000, "{}", bans.forgotten());
    }

    #[test]
    fn a_rule_that_cannot_be_kept_is_none() {
        for (threshold, window, lasts) in [
            (0, SECOND, SECOND),
            (4_096, SECOND, SECOND),
            (1, Duration::ZERO, SECOND),
            (1, SECOND, Duration::ZERO),
            (1, Duration::MAX, SECOND),
            (1, SECOND, Duration::MAX),
        ] {
            assert_eq!(BanRule::new(threshold, window, lasts), None);
        }
    }

    #[test]
    fn a_year_later_it_still_counts() {
        let began = Instant::now();
        let bans = Bans::new(8, began);
        let year = Duration::from_secs(365 * 86_400);
        bans.count("key", &rule(), began);
        assert_eq!(bans.count("key", &rule(), began + year), Standing::Free { count: 1 });
        for _ in 0..4 {
            bans.count("key", &rule(), began + year);
        }
        assert_eq!(bans.standing("key", &rule(), began + year), banned(60));
    }
}
