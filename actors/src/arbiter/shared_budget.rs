//! Shared budget: a limit on what all arbiters of an agent hold together, and one holder's
//! reservation.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A limit on what all arbiters of an agent hold together; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SharedBudget {
    held: Arc<AtomicUsize>,
    bound: usize,
}

/// What one holder has reserved; returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: SharedBudget,
    amount: usize,
}

impl SharedBudget {
    pub(super) fn new(bound: usize) -> Self {
        Self { held: Arc::default(), bound }
    }

    /// Reserves one, if one is left.
    pub(crate) fn take_one(&self) -> Option<Reservation> {
        let next = |held| (held < self.bound).then_some(held + 1);
        // Compared and taken in one step: of two concurrent callers, one gets the last.
        self.held.fetch_update(Relaxed, Relaxed, next).ok()?;
        Some(Reservation { budget: self.clone(), amount: 1 })
    }

    /// How much all holders can take together before the limit is reached.
    pub(crate) fn left(&self) -> usize {
        self.bound.saturating_sub(self.held())
    }

    /// How much all holders have together.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// An empty reservation.
    pub(crate) fn share(&self) -> Reservation {
        Reservation { budget: self.clone(), amount: 0 }
    }
}

impl Reservation {
    /// Changes this holder's reservation, even beyond the limit.
    pub(crate) fn set(&mut self, amount: usize) {
        // Only the difference is written. Exceeding the limit is intended: arrived bytes are in
        // memory already, and holders check `left` before they take more.
        let held = &self.budget.held;
        if amount > self.amount {
            held.fetch_add(amount - self.amount, Relaxed);
        } else if amount < self.amount {
            held.fetch_sub(self.amount - amount, Relaxed);
        }
        self.amount = amount;
    }

    /// Reserves more.
    pub(crate) fn add(&mut self, amount: usize) {
        self.set(self.amount + amount);
    }

    /// Returns a part.
    pub(crate) fn subtract(&mut self, amount: usize) {
        self.set(self.amount - amount);
    }

    /// The size of this reservation.
    pub(crate) fn amount(&self) -> usize {
        self.amount
    }

    /// How much all holders can take together before the limit is reached.
    pub(crate) fn left(&self) -> usize {
        self.budget.left()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let budget = SharedBudget::new(2);
        let first = budget.take_one();
        let second = budget.clone().take_one();
        assert!(first.is_some() && second.is_some() && budget.take_one().is_none());
        drop(first);
        assert!(budget.take_one().is_some());
    }

    #[test]
    fn shares_may_go_beyond_the_bound_and_come_back() {
        let budget = SharedBudget::new(10);
        let (mut one, mut other) = (budget.share(), budget.share());
        one.set(7);
        assert_eq!((one.amount(), other.left()), (7, 3));
        other.set(5);
        assert_eq!(one.left(), 0);
        one.set(4);
        assert_eq!(one.left(), 1);
        drop(other);
        assert_eq!(one.left(), 6);
    }

    #[test]
    fn threads_take_no_more_places_than_there_are() {
        let budget = SharedBudget::new(100);
        let take = || (0..60).filter_map(|_| budget.take_one()).collect::<Vec<_>>();
        let taken = std::thread::scope(|scope| {
            let threads = [scope.spawn(take), scope.spawn(take)];
            threads.map(|thread| thread.join().expect("it does not panic"))
        });
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
    }
}
