//! Handshakes: how many TLS handshakes may be in progress in the whole agent.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, sleep},
};

/// How long a handshake may take while all places are taken. One of HAProxy takes milliseconds.
const SHARE: Duration = Duration::from_secs(1);

/// The places of TLS handshakes; clones are of the same agent.
#[derive(Clone, Debug)]
pub(crate) struct Handshakes(Arc<Semaphore>);

impl Handshakes {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a place, in the order of the callers.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }

    /// Ready when a handshake that begins now has had its place for long enough, while others lack one.
    pub(crate) async fn outlasted(&self) {
        loop {
            sleep(SHARE).await;
            if self.0.available_permits() == 0 {
                return;
            }
        }
    }
}
