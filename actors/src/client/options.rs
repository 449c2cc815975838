//! Client options: what a client announces, and how long and for how many answers it waits.

use std::time::Duration;

use super::connection::hello;
use crate::spop::HaproxyHello;

/// What a [`Client`](super::Client) announces, and how long and for how many answers it waits.
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
    /// What HAProxy 3.2 announces with its defaults, 5 s, and 20 NOTIFYs.
    fn default() -> Self {
        Self { hello: hello(), timeout: Duration::from_secs(5), in_flight: 20 }
    }
}

impl ClientOptions {
    /// Announces this instead of what HAProxy 3.2 does with its defaults.
    ///
    /// A client puts no fragments together, and takes no ACKs of other connections: `fragmentation`
    /// and `async` are left out.
    #[must_use]
    pub fn hello(self, mut hello: HaproxyHello) -> Self {
        hello.capabilities.fragmentation = false;
        hello.capabilities.asynchronous = false;
        Self { hello, ..self }
    }

    /// Waits so long for the agent's HELLO, and for each ACK [default: 5 s].
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Has up to so many NOTIFYs in flight, one at the least; further ones wait [default: 20, as
    /// HAProxy's `max-waiting-frames`].
    #[must_use]
    pub fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight: in_flight.max(1), ..self }
    }
}
