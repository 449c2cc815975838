//! IPv4: boundaries by their lower halves, with an index by the upper ones.

use super::sweep::{Entry, sweep};

/// One for each upper half of an address.
const BLOCKS: usize = 1 << 16;

/// Values by IPv4 address: two bytes and a value for each boundary, and 256 KiB.
#[derive(Debug)]
pub(super) struct V4<V> {
    /// Where the boundaries of a block begin; those of the last one end with the last entry.
    index: Box<[u32]>,
    lows: Box<[u16]>,
    values: Box<[V]>,
}

impl<V: Copy + Default + Eq> V4<V> {
    /// Nothing, without an index.
    pub(super) fn empty() -> Self {
        Self { index: Box::default(), lows: Box::default(), values: Box::default() }
    }

    pub(super) fn new(mut entries: Vec<Entry<u32, V>>, combine: impl FnMut(V, V) -> V) -> Self {
        if entries.is_empty() {
            return Self::empty();
        }
        let (mut lows, mut values) = (Vec::new(), Vec::new());
        let mut index = Vec::with_capacity(BLOCKS + 1);
        sweep(&mut entries, combine, |(first, value)| {
            // Two for each of at most 2^31 entries, which 64 GiB would not hold.
            index.resize((first >> 16) as usize + 1, lows.len() as u32);
            lows.push(first as u16);
            values.push(value);
        });
        drop(entries);
        index.resize(BLOCKS + 1, lows.len() as u32);
        Self { index: index.into(), lows: lows.into(), values: values.into() }
    }

    pub(super) fn get(&self, address: u32) -> V {
        let block = (address >> 16) as usize;
        let (Some(&from), Some(&to)) = (self.index.get(block), self.index.get(block + 1)) else {
            return V::default();
        };
        let lows = &self.lows[from as usize..to as usize];
        let at = from as usize + lows.partition_point(|&low| low <= address as u16);
        // What is in force at the beginning of a block has begun in one before.
        at.checked_sub(1).map_or_else(V::default, |at| self.values[at])
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.index) + size_of_val(&*self.lows) + size_of_val(&*self.values)
    }
}
