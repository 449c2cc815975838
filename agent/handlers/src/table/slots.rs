//! Slots: a bounded table of small states by key, which all threads share without a lock.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering},
};

/// A key may lie in each of so many slots, and nowhere else.
const WAYS: usize = 8;
/// Bits of a state; the rest of its word is the tag.
const BITS: u32 = 48;
/// The highest state.
pub(super) const MOST: u64 = (1 << BITS) - 1;
/// How often an update is tried while other threads change the same set.
const ATTEMPTS: u32 = 64;
/// How often it waits for another thread that may be about to add the same key.
const POLITE: u32 = 8;

/// States of 48 bits by key. The table never grows: a key that comes new takes the place of the one
/// in its set that matters least.
///
/// A slot is 16 bytes: the hash of its key, with a key of this process that nobody outside knows, and
/// a word with the state and 16 bits of the hash again. That word changes in one step. If a key is
/// being replaced, its bits do not fit the hash, and the slot counts as that of neither. The worst that
/// comes of two threads in one slot at one moment is that a key is forgotten.
#[derive(Debug)]
pub(super) struct Slots {
    hasher: RandomState,
    sets: Box<[Set]>,
    forgotten: AtomicU64,
}

/// Two cache lines.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([Slot; WAYS]);

#[derive(Debug, Default)]
struct Slot {
    hash: AtomicU64,
    state: AtomicU64,
}

/// What a search for a key ends with.
enum Found<'a> {
    Own(&'a Slot, u64),
    /// The slot that matters least.
    Other(&'a Slot, u64),
}

impl Slots {
    /// A table for this many keys, rounded up.
    pub(super) fn new(keys: usize) -> Self {
        let sets = (0..keys.div_ceil(WAYS).max(1)).map(|_| Set::default()).collect();
        Self { hasher: RandomState::new(), sets, forgotten: AtomicU64::new(0) }
    }

    /// Changes the state of a key by `decide`, which is given the state, if there is one, and returns the
    /// next one, if it is to be kept, and its verdict. `weight` says how much a state matters; one without
    /// weight is forgotten without a word.
    pub(super) fn update<R>(
        &self,
        key: &(impl Hash + ?Sized),
        weight: impl Fn(u64) -> u64,
        mut decide: impl FnMut(Option<u64>) -> (Option<u64>, R),
    ) -> R {
        let hash = self.hasher.hash_one(key).max(1);
        let tag = (hash & 0xffff) << BITS;
        // The upper bits choose the set, the lower ones are the tag.
        let set = ((u128::from(hash) * self.sets.len() as u128) >> 64) as usize;
        let set = &self.sets[set];
        let mut attempt = 0;
        loop {
            let found = set.find(hash, tag, attempt < POLITE, &weight);
            attempt += 1;
            let Some(found) = found else { continue };
            let (slot, word, own) = match found {
                Found::Own(slot, word) => (slot, word, Some(word & MOST)),
                Found::Other(slot, word) => (slot, word, None),
            };
            let (next, verdict) = decide(own);
            let Some(next) = next else { return verdict };
            let next = tag | (next & MOST);
            let changed =
                slot.state.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire);
            if changed.is_ok() {
                if own.is_none() {
                    slot.hash.store(hash, Ordering::Release);
                    if weight(word & MOST) > 0 {
                        self.forgotten.fetch_add(1, Ordering::Relaxed);
                    }
                }
                return verdict;
            }
            if attempt >= ATTEMPTS {
                return verdict;
            }
        }
    }

    /// How many keys lost a state that mattered, because others needed their places.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The memory that it takes, in bytes, whatever comes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }
}

impl Set {
    /// None if another thread seems to add this very key.
    fn find(
        &self,
        hash: u64,
        tag: u64,
        polite: bool,
        weight: impl Fn(u64) -> u64,
    ) -> Option<Found<'_>> {
        let mut least: Option<(u64, &Slot, u64)> = None;
        for slot in &self.0 {
            let is_own = slot.hash.load(Ordering::Acquire) == hash;
            let word = slot.state.load(Ordering::Acquire);
            let has_tag = word & !MOST == tag && word != 0;
            match (is_own, has_tag) {
                (true, true) => return Some(Found::Own(slot, word)),
                (false, true) if polite => return None,
                _ => {}
            }
            let weight = weight(word & MOST);
            if least.is_none_or(|(lowest, ..)| weight < lowest) {
                least = Some((weight, slot, word));
            }
        }
        least.map(|(_, slot, word)| Found::Other(slot, word))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    fn count(slots: &Slots, key: u64) -> u64 {
        slots.update(
            &key,
            |state| state,
            |state| {
                let next = state.unwrap_or(0) + 1;
                (Some(next), next)
            },
        )
    }

    #[test]
    fn no_change_is_lost_between_threads() {
        const EACH: u64 = 200_000;
        let slots = Slots::new(64);
        let begin = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    begin.wait();
                    for at in 0..EACH {
                        count(&slots, at % 4);
                    }
                });
            }
        });
        let sum: u64 = (0..4).map(|key| count(&slots, key) - 1).sum();
        // A thread that was put aside between its two words may leave a key twice.
        assert!((4 * EACH - 64..=4 * EACH).contains(&sum), "{sum} of {}", 4 * EACH);
    }

    #[test]
    fn the_key_that_matters_least_makes_room() {
        let slots = Slots::new(8);
        for key in 0..8 {
            for _ in 0..=key {
                count(&slots, key);
            }
        }
        // The first has the lowest count.
        assert_eq!((count(&slots, 100), slots.forgotten()), (1, 1));
        assert_eq!(count(&slots, 7), 9);
        assert_eq!(count(&slots, 0), 1, "it was forgotten");
    }

    #[test]
    fn a_look_that_keeps_nothing_changes_nothing() {
        let slots = Slots::new(8);
        for _ in 0..3 {
            assert_eq!(slots.update("key", |state| state, |state| (None, state)), None);
        }
        slots.update("key", |state| state, |_| (Some(MOST), ()));
        assert_eq!(slots.update("key", |state| state, |state| (None, state)), Some(MOST));
    }
}
