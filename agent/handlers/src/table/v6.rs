//! IPv6: boundaries by their upper halves; those inside of a /64 are in a table beside it.

use super::sweep::{Entry, sweep};

/// Bits that the index looks at, at most.
const INDEXED: u32 = 16;

/// Values by IPv6 address.
#[derive(Debug)]
pub(super) struct V6<V> {
    /// How many bits all boundaries have in common, and how many come next that the index is by.
    common: u32,
    indexed: u32,
    index: Box<[u32]>,
    highs: Box<[u64]>,
    values: Box<[V]>,
    /// Boundaries inside of a /64: then one stands at its beginning and one behind it in `highs`.
    inner: Box<[u128]>,
    inner_values: Box<[V]>,
}

impl<V: Copy + Default + Eq> V6<V> {
    pub(super) fn new(mut entries: Vec<Entry<u128, V>>, combine: impl FnMut(V, V) -> V) -> Self {
        let mut outer = Outer { highs: Vec::new(), values: Vec::new() };
        let (mut inner, mut inner_values) = (Vec::<u128>::new(), Vec::new());
        let mut last = (0, V::default());
        sweep(&mut entries, combine, |(first, value)| {
            let high = (first >> 64) as u64;
            let (last_high, last_value) = std::mem::replace(&mut last, (high, value));
            outer.close(last_high, last_value, inner.last(), high);
            if first as u64 == 0 {
                outer.push(high, value);
            } else {
                if outer.highs.last() != Some(&high) {
                    outer.push(high, last_value);
                }
                inner.push(first);
                inner_values.push(value);
            }
        });
        drop(entries);
        outer.close(last.0, last.1, inner.last(), u64::MAX);
        outer.index(inner.into(), inner_values.into())
    }

    pub(super) fn get(&self, address: u128) -> V {
        let high = (address >> 64) as u64;
        let (Some(&lowest), Some(&highest)) = (self.highs.first(), self.highs.last()) else {
            return V::default();
        };
        if high < lowest {
            return V::default();
        }
        let at = if high >= highest {
            self.highs.len()
        } else {
            let slot = slot(high, self.common, self.indexed);
            let (from, to) = (self.index[slot] as usize, self.index[slot + 1] as usize);
            from + self.highs[from..to].partition_point(|&first| first <= high)
        };
        let at = at.saturating_sub(1);
        if self.highs[at] == high && !self.inner.is_empty() {
            let inner = self.inner.partition_point(|&first| first <= address);
            let inside = inner.checked_sub(1).filter(|&at| (self.inner[at] >> 64) as u64 == high);
            if let Some(inner) = inside {
                return self.inner_values[inner];
            }
        }
        self.values[at]
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.index)
            + size_of_val(&*self.highs)
            + size_of_val(&*self.values)
            + size_of_val(&*self.inner)
            + size_of_val(&*self.inner_values)
    }
}

/// The boundaries by upper halves, while they are found.
struct Outer<V> {
    highs: Vec<u64>,
    values: Vec<V>,
}

impl<V: Copy + Default + Eq> Outer<V> {
    fn push(&mut self, high: u64, value: V) {
        if self.highs.last() == Some(&high) {
            self.values.pop();
        } else {
            self.highs.push(high);
        }
        self.values.push(value);
    }

    /// Ends a /64 that has boundaries inside, when the next boundary lies behind it.
    fn close(&mut self, high: u64, value: V, inner: Option<&u128>, next: u64) {
        let has_inner = inner.is_some_and(|&inner| (inner >> 64) as u64 == high);
        if let Some(behind) = high.checked_add(1).filter(|_| has_inner && next != high) {
            self.push(behind, value);
        }
    }

    fn index(self, inner: Box<[u128]>, inner_values: Box<[V]>) -> V6<V> {
        let (lowest, highest) = (self.highs.first(), self.highs.last());
        let different = lowest.zip(highest).map_or(0, |(lowest, highest)| lowest ^ highest);
        let common = different.leading_zeros().min(63);
        let indexed = self.highs.len().checked_ilog2().unwrap_or(0).clamp(1, INDEXED);
        let mut index = Vec::with_capacity((1 << indexed) + 1);
        for (at, &high) in self.highs.iter().enumerate() {
            let slot = slot(high, common, indexed);
            if index.len() <= slot {
                index.resize(slot + 1, at as u32);
            }
        }
        index.resize((1 << indexed) + 1, self.highs.len() as u32);
        V6 {
            common,
            indexed,
            index: index.into(),
            highs: self.highs.into(),
            values: self.values.into(),
            inner,
            inner_values,
        }
    }
}

/// The place in the index of an address between the lowest and the highest boundary.
fn slot(high: u64, common: u32, indexed: u32) -> usize {
    ((high << common) >> (64 - indexed)) as usize
}
