//! Client options: what a client announces, its timeout and its limit of NOTIFYs in flight.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::connection::hello;
use crate::spop::HaproxyHello;

/// Sets what a [`Client`](super::Client) announces, its timeout and its limit of NOTIFYs in flight.
///
/// ```
/// use std::time::Duration;
/// use spoa_actors::client::ClientOptions;
///
/// let options = ClientOptions::default().timeout(Duration::from_millis(200)).in_flight(100);
/// ```
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub(super) hello: HaproxyHello,
    pub(super) timeout: Duration,
    pub(super) in_flight: usize,
}

impl Default for ClientOptions {
    /// The HELLO that HAProxy 3.2 sends by default, 5 s, and 20 NOTIFYs.
    fn default() -> Self {
        Self { hello: hello(), timeout: Duration::from_secs(5), in_flight: 20 }
    }
}

impl ClientOptions {
    /// Announces this HELLO [default: that of HAProxy 3.2].
    ///
    /// A client neither reassembles fragments nor takes ACKs of other connections: `fragmentation`
    /// and `async` are removed.
    #[must_use]
    pub fn hello(self, mut hello: HaproxyHello) -> Self {
        hello.capabilities.fragmentation = false;
        hello.capabilities.asynchronous = false;
        Self { hello, ..self }
    }

    /// Waits up to this time for the agent's HELLO, and for each ACK [default: 5 s].
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Limits the NOTIFYs in flight, at least 1; further ones wait [default: 20, the same as
    /// HAProxy's `max-waiting-frames`].
    #[must_use]
    pub fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight: in_flight.clamp(1, Semaphore::MAX_PERMITS), ..self }
    }
}
