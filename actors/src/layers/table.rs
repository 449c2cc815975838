//! Table: answers by their key, for as long as they hold, and no more of them than there is room for.

use std::hash::RandomState;

use hashlink::LruCache;
use tokio::time::Instant;

use super::failed_before::FailedBefore;
use crate::spop::Actions;

/// What an entry takes besides its key and its actions, roughly.
const OVERHEAD: usize = 192;

/// An answer that is kept.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) answer: Result<Actions, FailedBefore>,
    pub(super) until: Instant,
}

/// Answers by their key. The hash has a secret of this process, and the whole key is compared.
pub(super) struct Table {
    entries: LruCache<Box<[u8]>, Kept, RandomState>,
    bytes: usize,
    pub(super) max_entries: usize,
    pub(super) max_bytes: usize,
}

impl Table {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let entries = LruCache::with_hasher(usize::MAX, RandomState::new());
        Self { entries, bytes: 0, max_entries, max_bytes }
    }

    /// The answer of a key, if there is one that still holds.
    pub(super) fn get(&mut self, key: &[u8], now: Instant) -> Option<&Kept> {
        if self.entries.peek(key)?.until <= now {
            self.remove(key);
            return None;
        }
        self.entries.get(key)
    }

    /// Keeps an answer; says how many others made room for it, those that nobody has asked for the longest.
    pub(super) fn put(&mut self, key: Box<[u8]>, kept: Kept) -> u64 {
        self.remove(&key);
        let size = size_of(&key, &kept);
        if size > self.max_bytes {
            return 0;
        }
        self.bytes += size;
        self.entries.insert(key, kept);
        let mut evicted = 0;
        while self.bytes > self.max_bytes || self.entries.len() > self.max_entries {
            let Some((key, kept)) = self.entries.remove_lru() else { break };
            self.bytes -= size_of(&key, &kept);
            evicted += 1;
        }
        evicted
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some((key, kept)) = self.entries.remove_entry(key) {
            self.bytes -= size_of(&key, &kept);
        }
    }
}

fn size_of(key: &[u8], kept: &Kept) -> usize {
    let answer = match &kept.answer {
        Ok(actions) => actions.encoded_len(),
        Err(failure) => failure.len(),
    };
    OVERHEAD + key.len() + answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kept(seconds: u64) -> Kept {
        let until = Instant::now() + Duration::from_secs(seconds);
        Kept { answer: Ok(Actions::new()), until }
    }

    fn key(number: u32) -> Box<[u8]> {
        number.to_le_bytes().into()
    }

    fn has(table: &mut Table, number: u32) -> bool {
        table.get(&key(number), Instant::now()).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_its_time_and_is_gone_then() {
        let mut table = Table::new(10, 10_000);
        table.put(key(1), kept(5));
        tokio::time::advance(Duration::from_millis(4_999)).await;
        assert!(has(&mut table, 1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!has(&mut table, 1));
        assert_eq!((table.bytes, table.entries.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_that_nobody_asked_for_the_longest_makes_room() {
        let mut table = Table::new(3, 10_000);
        for number in 0..3 {
            assert_eq!(table.put(key(number), kept(5)), 0);
        }
        assert!(has(&mut table, 0));
        assert_eq!(table.put(key(3), kept(5)), 1);
        let left: Vec<_> = (0..4).filter(|&number| has(&mut table, number)).collect();
        assert_eq!(left, [0, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_bytes_are_kept_than_there_is_room_for() {
        let mut table = Table::new(1_000_000, 10_000);
        let evicted: u64 = (0..1_000).map(|number| table.put(key(number), kept(5))).sum();
        assert!(table.bytes <= 10_000, "{}", table.bytes);
        assert_eq!(evicted + table.entries.len() as u64, 1_000);
        let large = vec![0; 20_000].into_boxed_slice();
        assert_eq!(table.put(large.clone(), kept(5)), 0, "it would make room in vain");
        assert!(table.get(&large, Instant::now()).is_none());
        assert!(has(&mut table, 999));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_replaces_another_is_counted_once() {
        let mut table = Table::new(10, 10_000);
        for _ in 0..100 {
            assert_eq!(table.put(key(1), kept(5)), 0);
        }
        assert_eq!(table.bytes, size_of(&key(1), &kept(5)));
    }
}
