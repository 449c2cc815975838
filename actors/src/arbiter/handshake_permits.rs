//! Handshake permits: limits the TLS handshakes in progress on one arbiter.

use std::{num::NonZero, rc::Rc, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, sleep},
};

/// How long a handshake can take while others wait for a permit. One of HAProxy takes milliseconds.
const SHARE: Duration = Duration::from_secs(1);

/// The permits of TLS handshakes on one arbiter. Each arbiter has its own: a blocked one would take
/// those of the others.
#[derive(Debug)]
pub(crate) struct HandshakePermits {
    permits: Arc<Semaphore>,
    /// Held by each waiting handshake, too.
    waiting: Rc<()>,
}

impl HandshakePermits {
    /// This arbiter's share of `permits`, rounded up.
    pub(super) fn new(permits: usize, arbiters: NonZero<usize>) -> Self {
        let permits = permits.div_ceil(arbiters.get()).min(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), waiting: Rc::default() }
    }

    /// Waits for a permit, in the order of the calls.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = Rc::clone(&self.waiting);
        // The semaphore is never closed.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Ready when a handshake that begins now has had its permit for long enough, while others wait
    /// for one.
    pub(crate) async fn outlasted(&self) {
        loop {
            sleep(SHARE).await;
            if Rc::strong_count(&self.waiting) > 1 {
                return;
            }
        }
    }
}
