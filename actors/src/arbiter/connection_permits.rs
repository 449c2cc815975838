//! Connection permits: limit open connections, and those over the limit.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;

/// The permits of an agent's connections, on all its arbiters and listeners; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPermits {
    ordinary: Arc<Semaphore>,
    /// For connections over the limit: health checks, and connections to refuse. A silent peer
    /// loses its permit to others.
    excess: Arc<Semaphore>,
}

/// The permit of one connection, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    /// Set for a connection over the limit.
    excess: Option<Arc<ExcessConnection>>,
    _permit: OwnedSemaphorePermit,
}

/// Shared by a connection over the limit and the code that gives out permits.
#[derive(Debug, Default)]
pub(crate) struct ExcessConnection {
    has_spoken: AtomicBool,
    displaced: CancellationToken,
}

impl ConnectionPermits {
    pub(super) fn new(limits: &Limits) -> Self {
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { ordinary: permits(limits.connections), excess: permits(limits.excess_connections) }
    }

    /// A permit for an accepted connection; one over the limit if there is no other.
    pub(crate) fn try_take(&self) -> Option<ConnectionPermit> {
        let try_take = |permits: &Arc<Semaphore>, is_excess| {
            let permit = Arc::clone(permits).try_acquire_owned().ok()?;
            Some(ConnectionPermit::new(is_excess, permit))
        };
        // An ordinary permit first: a health check over the limit is answered, but a request is
        // not.
        try_take(&self.ordinary, false).or_else(|| try_take(&self.excess, true))
    }

    /// Waits for a permit.
    pub(crate) async fn take(&self) -> Option<ConnectionPermit> {
        let wait = |permits: &Arc<Semaphore>| Arc::clone(permits).acquire_owned();
        let (permit, is_excess) = tokio::select! {
            biased;
            permit = wait(&self.ordinary) => (permit, false),
            permit = wait(&self.excess) => (permit, true),
        };
        // The semaphores are never closed.
        Some(ConnectionPermit::new(is_excess, permit.ok()?))
    }
}

impl ConnectionPermit {
    fn new(is_excess: bool, permit: OwnedSemaphorePermit) -> Self {
        Self { excess: is_excess.then(Arc::default), _permit: permit }
    }

    /// Whether its connection is over the limit.
    pub(super) fn is_excess(&self) -> bool {
        self.excess.is_some()
    }

    /// The shared state of a connection over the limit.
    pub(crate) fn excess(&self) -> Option<&Arc<ExcessConnection>> {
        self.excess.as_ref()
    }
}

impl ExcessConnection {
    /// The peer has sent its HELLO: it keeps its permit until it is answered.
    pub(super) fn speak(&self) {
        self.has_spoken.store(true, Relaxed);
    }

    pub(crate) fn has_spoken(&self) -> bool {
        self.has_spoken.load(Relaxed)
    }

    /// Takes its permit away.
    pub(crate) fn displace(&self) {
        self.displaced.cancel();
    }

    /// Cancelled when its permit is taken away.
    pub(crate) fn displaced(&self) -> &CancellationToken {
        &self.displaced
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_waiting_caller_gets_the_first_permit_that_is_returned() {
        let limits = Limits::default().connections(1).excess_connections(1);
        let permits = ConnectionPermits::new(&limits);
        let first = permits.try_take().expect("there is one");
        let second = permits.try_take().expect("there is one over the limit");
        assert!(!first.is_excess() && second.is_excess());
        assert!(permits.try_take().is_none() && permits.take().now_or_never().is_none());
        drop(first);
        let third = permits.take().now_or_never().flatten().expect("it is free again");
        assert!(!third.is_excess());
        drop(second);
        assert!(permits.try_take().expect("so is this one").is_excess());
    }

    #[test]
    fn threads_take_no_more_places_than_there_are() {
        let permits = ConnectionPermits::new(&Limits {
            connections: 90,
            excess_connections: 10,
            ..Limits::default()
        });
        let take = || (0..60).filter_map(|_| permits.try_take()).collect::<Vec<_>>();
        let taken = std::thread::scope(|scope| {
            let threads = [scope.spawn(take), scope.spawn(take)];
            threads.map(|thread| thread.join().expect("it does not panic"))
        });
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
    }
}
