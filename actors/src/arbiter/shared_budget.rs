//! Shared budget: a bound on what all arbiters of an agent hold together, and what one holder has
//! reserved of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A bound on what all arbiters of an agent hold together; clones are of the same one.
#[derive(Clone, Debug)]
pub(crate) struct SharedBudget {
    held: Arc<AtomicUsize>,
    bound: usize,
}

/// What one holder has of a quota; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    quota: SharedBudget,
    amount: usize,
}

impl SharedBudget {
    pub(super) fn new(bound: usize) -> Self {
        Self { held: Arc::default(), bound }
    }

    /// One place of it, if there is one left.
    pub(crate) fn take_place(&self) -> Option<Reservation> {
        let next = |held| (held < self.bound).then_some(held + 1);
        // Compared and taken in one step: of two that look at the same time, one gets the last place.
        self.held.fetch_update(Relaxed, Relaxed, next).ok()?;
        Some(Reservation { quota: self.clone(), amount: 1 })
    }

    /// How much all holders may take together before the bound is met.
    pub(crate) fn left(&self) -> usize {
        self.bound.saturating_sub(self.held())
    }

    /// How much all holders have together.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// A share with nothing in it.
    pub(crate) fn share(&self) -> Reservation {
        Reservation { quota: self.clone(), amount: 0 }
    }
}

impl Reservation {
    /// Changes what this holder has, within the bound or not.
    pub(crate) fn set(&mut self, amount: usize) {
        // Only the difference is written. That it can go beyond the bound is meant: what has arrived is
        // there, and the holders look at `left` before they take more.
        let held = &self.quota.held;
        if amount > self.amount {
            held.fetch_add(amount - self.amount, Relaxed);
        } else if amount < self.amount {
            held.fetch_sub(self.amount - amount, Relaxed);
        }
        self.amount = amount;
    }

    /// Takes so much more.
    pub(crate) fn add(&mut self, amount: usize) {
        self.set(self.amount + amount);
    }

    /// Gives so much back.
    pub(crate) fn subtract(&mut self, amount: usize) {
        self.set(self.amount - amount);
    }

    /// What this holder has.
    pub(crate) fn amount(&self) -> usize {
        self.amount
    }

    /// How much all holders may take together before the bound is met.
    pub(crate) fn left(&self) -> usize {
        self.quota.left()
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
        let quota = SharedBudget::new(2);
        let first = quota.take_place();
        let second = quota.clone().take_place();
        assert!(first.is_some() && second.is_some() && quota.take_place().is_none());
        drop(first);
        assert!(quota.take_place().is_some());
    }

    #[test]
    fn shares_may_go_beyond_the_bound_and_come_back() {
        let quota = SharedBudget::new(10);
        let (mut one, mut other) = (quota.share(), quota.share());
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
        let quota = SharedBudget::new(100);
        let take = || (0..60).filter_map(|_| quota.take_place()).collect::<Vec<_>>();
        let taken = std::thread::scope(|scope| {
            let threads = [scope.spawn(take), scope.spawn(take)];
            threads.map(|thread| thread.join().expect("it does not panic"))
        });
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
    }
}
