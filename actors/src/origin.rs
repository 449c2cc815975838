//! Origin: where a message came from, and its deadline.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::spop::{EngineId, FrameId, StreamId};

/// Tells a handler where a message came from, and how much time is left for the answer.
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

/// The other end of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    pub(crate) address: PeerAddress,
    pub(crate) engine_id: Option<EngineId>,
}

/// The address at the other end of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PeerAddress {
    /// The address of a TCP peer, or the source in its PROXY header.
    Tcp(SocketAddr),
    /// A peer on a UNIX socket, which has no address.
    Unix,
    /// A stream in this process.
    InMemory,
}

impl Origin {
    /// The origin of a connection's messages. The other fields are set for each NOTIFY.
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

    /// Sets the ids of the current NOTIFY.
    #[inline]
    pub(crate) fn set_ids(&mut self, stream_id: StreamId, frame_id: FrameId) {
        self.stream_id = stream_id;
        self.frame_id = frame_id;
    }

    /// Sets when the current NOTIFYs arrived.
    #[inline]
    pub(crate) fn set_arrived(&mut self, arrived: Instant) {
        self.arrived = arrived;
    }

    /// Sets the deadline: `time` after the arrival.
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

    /// The address of HAProxy, or the source in the PROXY header.
    #[must_use]
    pub fn peer_address(&self) -> PeerAddress {
        self.peer.address
    }

    /// The engine-id of HAProxy, if its HELLO had one.
    #[must_use]
    pub fn engine_id(&self) -> Option<&EngineId> {
        self.peer.engine_id.as_ref()
    }

    /// The id of the stream. With HAProxy 3.1 and newer, it is unique within its connection only.
    /// To relate a request and its response, set a `txn` variable, and take it as an argument of
    /// the response's message.
    #[must_use]
    pub fn stream_id(&self) -> StreamId {
        self.stream_id
    }

    /// The id of the frame within its stream.
    #[must_use]
    pub fn frame_id(&self) -> FrameId {
        self.frame_id
    }

    /// When the agent sends the fallback if the handler has not answered.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time left until [`deadline`](Self::deadline); zero after it.
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
