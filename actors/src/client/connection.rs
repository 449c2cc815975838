//! Connection: HAProxy's side of one connection, frame by frame.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_util::codec::Framed;

use super::{endpoint::Endpoint, error::ClientError, stream::Stream};
use crate::spop::{
    Ack, Actions, AgentHello, Capabilities, Disconnect, EngineId, Fragment, Frame, FrameCodec,
    FrameId, FrameType, HaproxyHello, Messages, Notify, StatusCode, StreamId, VERSION, Violation,
};

/// Sends and receives single frames as HAProxy, one exchange at a time. You can send any frame and
/// any bytes.
///
/// It waits up to 5 s for each frame; [`patience`](Self::patience) changes that. For any number of
/// tasks on one connection, use a [`Client`](super::Client).
#[derive(Debug)]
pub struct Connection<S> {
    frames: Framed<S, FrameCodec>,
    next_stream: u64,
    patience: Duration,
    /// Whether its HELLO announced fragmentation.
    takes_fragments: bool,
}

/// The largest ACK that is reassembled from fragments, in bytes: one value of 16 MiB, and 1 MiB for
/// the rest.
const LARGEST_ACK: usize = 17 << 20;

impl Connection<Stream> {
    /// Connects and exchanges HELLO, as HAProxy 3.2 does.
    ///
    /// # Errors
    ///
    /// If the agent cannot be reached, or refuses the HELLO.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, ClientError> {
        Self::over(endpoint.connect().await?).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Takes a stream, without HELLO.
    pub fn new(stream: S) -> Self {
        let frames = Framed::new(stream, FrameCodec::default());
        let patience = Duration::from_secs(5);
        Self { frames, next_stream: 1, patience, takes_fragments: false }
    }

    /// Takes a stream and exchanges HELLO, as HAProxy 3.2 does.
    ///
    /// # Errors
    ///
    /// If the agent refuses the HELLO.
    pub async fn over(stream: S) -> Result<Self, ClientError> {
        let mut haproxy = Self::new(stream);
        haproxy.hello(hello()).await?;
        Ok(haproxy)
    }

    /// Waits up to this time for each frame.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends this HELLO, and checks the answer as HAProxy does.
    ///
    /// # Errors
    ///
    /// If the agent refuses the HELLO, or answers with something that was not offered.
    pub async fn hello(&mut self, hello: HaproxyHello) -> Result<AgentHello, ClientError> {
        self.takes_fragments = hello.capabilities.fragmentation;
        self.send(Frame::HaproxyHello(hello.clone())).await?;
        match self.receive().await? {
            Frame::AgentHello(theirs) => {
                theirs.check(&hello)?;
                self.frames.codec_mut().set_max_frame_size(theirs.max_frame_size);
                Ok(theirs)
            }
            other => Err(other.into()),
        }
    }

    /// Does a health check as `option spop-check` does: sends HELLO with `healthcheck`, and waits
    /// for the answer.
    ///
    /// # Errors
    ///
    /// If the agent is not healthy.
    pub async fn healthcheck(mut self) -> Result<AgentHello, ClientError> {
        self.hello(HaproxyHello {
            capabilities: Capabilities::default(),
            engine_id: None,
            healthcheck: true,
            ..hello()
        })
        .await
    }

    /// Sends a NOTIFY of a new stream, and waits for its ACK.
    ///
    /// # Errors
    ///
    /// If another frame arrives.
    pub async fn notify(&mut self, messages: impl Into<Messages>) -> Result<Actions, ClientError> {
        let sent = self.send_notify(messages).await?;
        let ack = self.ack().await?;
        match (ack.stream_id, ack.frame_id) {
            ids if ids == sent => Ok(ack.actions),
            _ => Err(ClientError::Unexpected(FrameType::ACK)),
        }
    }

    /// Sends a NOTIFY of a new stream, without waiting for its ACK.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send_notify(
        &mut self,
        messages: impl Into<Messages>,
    ) -> Result<(StreamId, FrameId), ClientError> {
        let (stream_id, frame_id) = (StreamId(self.next_stream), FrameId(1));
        self.next_stream += 2;
        let messages = messages.into();
        self.send(Frame::Notify(Notify { stream_id, frame_id, messages })).await?;
        Ok((stream_id, frame_id))
    }

    /// Waits for the next ACK of any NOTIFY. Reassembles it from fragments, if HELLO announced
    /// fragmentation.
    ///
    /// # Errors
    ///
    /// If another frame arrives, or fragments exceed 17 MiB.
    pub async fn ack(&mut self) -> Result<Ack, ClientError> {
        match self.receive().await? {
            Frame::Ack(ack) => Ok(ack),
            Frame::Fragment(first) if self.takes_fragments => self.reassemble(first).await,
            Frame::Fragment(_) => Err(ClientError::Fragment),
            other => Err(other.into()),
        }
    }

    async fn reassemble(&mut self, first: Fragment) -> Result<Ack, ClientError> {
        let (stream_id, frame_id) = (first.stream_id, first.frame_id);
        let mut payload = first.payload.to_vec();
        loop {
            match self.receive().await? {
                Frame::Fragment(next)
                    if (next.stream_id, next.frame_id) == (stream_id, frame_id) =>
                {
                    if payload.len() + next.payload.len() > LARGEST_ACK {
                        return Err(ClientError::TooLarge(LARGEST_ACK));
                    }
                    payload.extend_from_slice(&next.payload);
                    if next.flags.fin {
                        let actions = Actions::decode(&payload).map_err(Violation::from)?;
                        return Ok(Ack { stream_id, frame_id, actions });
                    }
                }
                other => return Err(other.into()),
            }
        }
    }

    /// Sends HAPROXY-DISCONNECT, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If another frame arrives.
    pub async fn disconnect(mut self) -> Result<Disconnect, ClientError> {
        self.send(Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))).await?;
        match self.receive().await? {
            Frame::AgentDisconnect(theirs) => Ok(theirs),
            other => Err(other.into()),
        }
    }

    /// Sends any frame.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send(&mut self, frame: Frame) -> Result<(), ClientError> {
        Ok(self.frames.send(frame).await?)
    }

    /// Sends any bytes.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.frames.get_mut().write_all(bytes).await?;
        Ok(self.frames.get_mut().flush().await?)
    }

    /// Waits for the next frame of any type.
    ///
    /// # Errors
    ///
    /// If no frame arrives in time.
    pub async fn receive(&mut self) -> Result<Frame, ClientError> {
        let next = timeout(self.patience, self.frames.next()).await?;
        Ok(next.ok_or(ClientError::Closed)??)
    }

    /// The stream, its unread bytes, and the codec with the agreed frame size.
    pub(super) fn into_frames(self) -> Framed<S, FrameCodec> {
        self.frames
    }

    /// The stream, for everything that has no method here.
    pub fn stream_mut(&mut self) -> &mut S {
        self.frames.get_mut()
    }
}

/// The HELLO that HAProxy 3.2 sends by default.
#[must_use]
pub fn hello() -> HaproxyHello {
    HaproxyHello {
        supported_versions: VERSION.to_owned(),
        max_frame_size: 16380,
        capabilities: Capabilities { pipelining: true, ..Capabilities::default() },
        engine_id: Some(EngineId::new("7c9f9a7e-0000-4000-8000-53504f450000")),
        healthcheck: false,
    }
}
