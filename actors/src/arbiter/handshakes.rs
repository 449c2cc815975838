//! Handshakes: how many TLS handshakes may be in progress on one arbiter.

use std::{num::NonZero, rc::Rc, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, sleep},
};

/// How long a handshake may take while others wait for a place. One of HAProxy takes milliseconds.
const SHARE: Duration = Duration::from_secs(1);

/// The places of the TLS handshakes of one arbiter. Each has its own: one that is blocked would take those
/// of the others.
#[derive(Debug)]
pub(crate) struct Handshakes {
    places: Arc<Semaphore>,
    /// One that waits holds it, too.
    waiting: Rc<()>,
}

impl Handshakes {
    /// The part that each of so many arbiters has of `connection_permits`.
    pub(super) fn new(places: usize, arbiters: NonZero<usize>) -> Self {
        let places = places.div_ceil(arbiters.get()).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), waiting: Rc::default() }
    }

    /// Waits for a place, in the order of the callers.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = Rc::clone(&self.waiting);
        // It is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Ready when a handshake that begins now has had its place for long enough, while others lack one.
    pub(crate) async fn outlasted(&self) {
        loop {
            sleep(SHARE).await;
            if Rc::strong_count(&self.waiting) > 1 {
                return;
            }
        }
    }
}
