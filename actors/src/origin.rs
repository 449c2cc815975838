//! Origin: where a message came from, and until when an answer is wanted.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::spop::{EngineId, FrameId, StreamId};

/// Where a message came from, and until when its answer is wanted.
///
/// ```
/// # use spoa_actors::*;
/// # struct LookUp;
/// # impl LookUp { async fn ask(&self, _: std::time::Duration) -> Result<Actions, BoxError> { Ok(Actions::new()) } }
/// #[async_trait::async_trait(?Send)]
/// impl HandlerActor for LookUp {
///     type Args = ();
///
///     async fn handle(&self, (): (), origin: &Origin) -> Result<Actions, BoxError> {
///         tracing::debug!(peer = %origin.peer_address(), stream_id = %origin.stream_id());
///         // What is asked elsewhere need not be waited for any longer than HAProxy waits.
///         self.ask(origin.remaining()).await
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Origin {
    peer: Arc<Peer>,
    stream_id: StreamId,
    frame_id: FrameId,
    arrived: Instant,
    deadline: Instant,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    pub(crate) address: PeerAddress,
    pub(crate) engine_id: Option<EngineId>,
}

/// The address at the other end of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PeerAddress {
    /// A TCP peer.
    Tcp(SocketAddr),
    /// A peer on a UNIX socket; it has no address of its own.
    Unix,
    /// A stream in this process.
    InMemory,
}

impl Origin {
    /// The origin of what comes from a peer; the rest is set for every NOTIFY.
    pub(crate) fn new(peer: Peer) -> Self {
        let now = Instant::now();
        Self {
            peer: Arc::new(peer),
            stream_id: StreamId(0),
            frame_id: FrameId(0),
            arrived: now,
            deadline: now,
        }
    }

    /// The same origin for another NOTIFY of the same connection.
    #[inline]
    pub(crate) fn set_ids(&mut self, stream_id: StreamId, frame_id: FrameId) {
        self.stream_id = stream_id;
        self.frame_id = frame_id;
    }

    /// The same origin for NOTIFYs that came at `arrived`.
    #[inline]
    pub(crate) fn set_arrived(&mut self, arrived: Instant) {
        self.arrived = arrived;
    }

    /// The same origin for a message that has `time` from its arrival on.
    #[inline]
    pub(crate) fn set_time(&mut self, time: Duration) {
        self.deadline = self.arrived + time;
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn ids(&self) -> (StreamId, FrameId) {
        (self.stream_id, self.frame_id)
    }

    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The address of the HAProxy that asks.
    #[must_use]
    pub fn peer_address(&self) -> PeerAddress {
        self.peer.address
    }

    /// The engine-id of the HAProxy that asks, if its HELLO had one.
    #[must_use]
    pub fn engine_id(&self) -> Option<&EngineId> {
        self.peer.engine_id.as_ref()
    }

    /// The stream. From HAProxy 3.1 on it says nothing beyond its connection. To relate request and
    /// response, set a `txn` variable, and take it as an argument of the response's message.
    #[must_use]
    pub fn stream_id(&self) -> StreamId {
        self.stream_id
    }

    /// The frame of that stream.
    #[must_use]
    pub fn frame_id(&self) -> FrameId {
        self.frame_id
    }

    /// When the fallback will be sent if there is no answer by then.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much time is left until [`deadline`](Self::deadline).
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::InMemory => f.write_str("memory"),
        }
    }
}
