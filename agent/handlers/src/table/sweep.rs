//! Sweep: from the lowest address to the highest, which value begins where.

use super::prefix::{mask_v4, mask_v6};

/// An address as a number.
pub(super) trait Number: Copy + Ord {
    /// The highest address of the prefix that begins here.
    fn last(self, length: u8) -> Self;

    /// The next address, if there is one.
    fn next(self) -> Option<Self>;
}

impl Number for u32 {
    fn last(self, length: u8) -> Self {
        self | !mask_v4(length)
    }

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Number for u128 {
    fn last(self, length: u8) -> Self {
        self | !mask_v6(length)
    }

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// A prefix and its value.
pub(super) type Entry<A, V> = (A, u8, V);

/// Where a value begins; it ends where the next one begins. Nothing begins as the default value.
pub(super) type Boundary<A, V> = (A, V);

/// Sorts prefixes, and calls `emit` with every boundary in the order of addresses.
///
/// Prefixes lie in each other or apart, so that those around an address are a stack. `combine` makes
/// one value of that of the prefixes around, and that of one inside.
pub(super) fn sweep<A: Number, V: Copy + Default + Eq>(
    entries: &mut [Entry<A, V>],
    mut combine: impl FnMut(V, V) -> V,
    mut emit: impl FnMut(Boundary<A, V>),
) {
    entries.sort_unstable_by_key(|&(first, length, _)| (first, length));
    let mut boundaries = Boundaries { pending: None, value: V::default(), emit: &mut emit };
    let mut around: Vec<(A, V)> = Vec::new();
    for &(first, length, value) in &*entries {
        while let Some(&(last, _)) = around.last().filter(|(last, _)| *last < first) {
            around.pop();
            boundaries.end(last, around.last());
        }
        let combined = combine(around.last().map_or_else(V::default, |&(_, outer)| outer), value);
        boundaries.begin(first, combined);
        around.push((first.last(length), combined));
    }
    while let Some((last, _)) = around.pop() {
        boundaries.end(last, around.last());
    }
    boundaries.flush();
}

/// Holds one boundary back: another value may begin at the same address.
struct Boundaries<'a, A, V> {
    pending: Option<Boundary<A, V>>,
    /// What is in force before the one that is held back.
    value: V,
    emit: &'a mut dyn FnMut(Boundary<A, V>),
}

impl<A: Number, V: Copy + Default + Eq> Boundaries<'_, A, V> {
    fn begin(&mut self, first: A, value: V) {
        if self.pending.is_some_and(|(at, _)| at != first) {
            self.flush();
        }
        self.pending = Some((first, value));
    }

    fn end(&mut self, last: A, outer: Option<&(A, V)>) {
        if let Some(next) = last.next() {
            self.begin(next, outer.map_or_else(V::default, |&(_, value)| value));
        }
    }

    fn flush(&mut self) {
        if let Some((at, value)) = self.pending.take().filter(|(_, value)| *value != self.value) {
            (self.emit)((at, value));
            self.value = value;
        }
    }
}
