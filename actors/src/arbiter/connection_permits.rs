//! Connection permits: how many connections may be open, and how many more may wait to be refused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;

/// The places of an agent's connections, on all its arbiters and listeners; clones are of the same ones.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPermits {
    ordinary: Arc<Semaphore>,
    /// For connections over the limit, among which there are health checks. Those share them with what is
    /// refused; a silent peer loses its place to others.
    excess: Arc<Semaphore>,
}

/// What one connection has of them; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    /// If it is one over the limit.
    excess: Option<Arc<ExcessConnection>>,
    _permit: OwnedSemaphorePermit,
}

/// What a connection over the limit and those who give out places know of each other.
#[derive(Debug, Default)]
pub(crate) struct ExcessConnection {
    has_spoken: AtomicBool,
    displaced: CancellationToken,
}

impl ConnectionPermits {
    pub(super) fn new(limits: &Limits) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { ordinary: places(limits.connections), excess: places(limits.excess_connections) }
    }

    /// A place for a connection that is there already; one over the limit if there is no other.
    pub(crate) fn try_take(&self) -> Option<ConnectionPermit> {
        let place = |places: &Arc<Semaphore>, is_excess| {
            let permit = Arc::clone(places).try_acquire_owned().ok()?;
            Some(ConnectionPermit::new(is_excess, permit))
        };
        // An ordinary place first: a health check over the limit is answered, but a request is better
        // served.
        place(&self.ordinary, false).or_else(|| place(&self.excess, true))
    }

    /// The same, and waits until there is one.
    pub(crate) async fn take(&self) -> Option<ConnectionPermit> {
        let wait = |places: &Arc<Semaphore>| Arc::clone(places).acquire_owned();
        let (permit, is_excess) = tokio::select! {
            biased;
            permit = wait(&self.ordinary) => (permit, false),
            permit = wait(&self.excess) => (permit, true),
        };
        // They are never closed.
        Some(ConnectionPermit::new(is_excess, permit.ok()?))
    }
}

impl ConnectionPermit {
    fn new(is_excess: bool, permit: OwnedSemaphorePermit) -> Self {
        Self { excess: is_excess.then(Arc::default), _permit: permit }
    }

    /// Whether its connection is one over the limit.
    pub(super) fn is_excess(&self) -> bool {
        self.excess.is_some()
    }

    /// What is known of its connection, if it is one over the limit.
    pub(crate) fn excess(&self) -> Option<&Arc<ExcessConnection>> {
        self.excess.as_ref()
    }
}

impl ExcessConnection {
    /// The peer has said what it wants: it keeps its place until it is answered.
    pub(super) fn speak(&self) {
        self.has_spoken.store(true, Relaxed);
    }

    pub(crate) fn has_spoken(&self) -> bool {
        self.has_spoken.load(Relaxed)
    }

    /// Takes its place away.
    pub(crate) fn displace(&self) {
        self.displaced.cancel();
    }

    /// Cancelled when its place is taken away.
    pub(crate) fn displaced(&self) -> &CancellationToken {
        &self.displaced
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn who_waits_gets_the_first_place_that_is_given_back() {
        let limits = Limits::default().connections(1).excess_connections(1);
        let places = ConnectionPermits::new(&limits);
        let first = places.try_take().expect("there is one");
        let second = places.try_take().expect("there is one over the limit");
        assert!(!first.is_excess() && second.is_excess());
        assert!(places.try_take().is_none() && places.take().now_or_never().is_none());
        drop(first);
        let third = places.take().now_or_never().flatten().expect("it is free again");
        assert!(!third.is_excess());
        drop(second);
        assert!(places.try_take().expect("so is this one").is_excess());
    }

    #[test]
    fn threads_take_no_more_places_than_there_are() {
        let places = ConnectionPermits::new(&Limits {
            connections: 90,
            excess_connections: 10,
            ..Limits::default()
        });
        let take = || (0..60).filter_map(|_| places.try_take()).collect::<Vec<_>>();
        let taken = std::thread::scope(|scope| {
            let threads = [scope.spawn(take), scope.spawn(take)];
            threads.map(|thread| thread.join().expect("it does not panic"))
        });
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
    }
}
