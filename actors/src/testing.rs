//! A fake HAProxy that speaks the whole protocol, so that the test of a handler is ten lines.
//!
//! ```
//! use spoa_actors::testing::{FakeError, FakeHaproxy};
//! use spoa_actors::{Actions, Message, Registry, Scope, handler_fn};
//!
//! #[derive(serde::Deserialize)]
//! struct Number {
//!     n: i64,
//! }
//!
//! #[actix_rt::main]
//! async fn main() -> Result<(), FakeError> {
//!     let registry = Registry::new().on("double", handler_fn(|Number { n }: Number| {
//!         Actions::none().set_var(Scope::Transaction, "doubled", 2 * n)
//!     }));
//!     let mut haproxy = FakeHaproxy::start(registry).await?;
//!     let actions = haproxy.notify(Message::new("double").arg("n", 21)).await?;
//!     assert_eq!(actions.to_string(), "set-var txn.doubled 42");
//!     Ok(())
//! }
//! ```

use std::{io, sync::Arc, time::Duration};

use actix::Addr;
use futures_util::{SinkExt, StreamExt};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    time::{error::Elapsed, timeout},
};
use tokio_util::codec::Framed;

use crate::{
    error::AgentError,
    limits::Limits,
    listener::Socket,
    registry::Registry,
    spop::{
        Ack, Actions, AgentHello, Capabilities, CodecError, Disconnect, EngineId, Fragment, Frame,
        FrameCodec, FrameId, FrameType, HaproxyHello, Messages, Notify, StatusCode, StreamId,
        VERSION, Violation,
    },
    statistics::Statistics,
    supervisor::{Adopt, Report, Stop, Supervisor},
};

/// Any stream of bytes that can be handed to an [`InMemoryAgent`].
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for S {}

/// How many bytes either side of an in-memory connection may be behind.
const IN_MEMORY_BUFFER: usize = 64 * 1024;

/// An agent without a socket, on the arbiter of the test.
#[derive(Clone, Debug)]
pub struct InMemoryAgent {
    supervisor: Addr<Supervisor>,
}

/// The HAProxy side of a connection.
///
/// It waits five seconds for the agent, unless [`patience`](Self::patience) says otherwise: no test
/// hangs.
#[derive(Debug)]
pub struct FakeHaproxy<S = DuplexStream> {
    frames: Framed<S, FrameCodec>,
    next_stream: u64,
    patience: Duration,
}

/// Why the fake HAProxy did not get what it waited for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FakeError {
    /// The agent could not start.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The agent broke the protocol.
    #[error("the agent broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The agent said AGENT-DISCONNECT.
    #[error("the agent disconnects with status {}: {}", .0.status_code, .0.message)]
    Disconnected(Disconnect),
    /// The agent closed the connection.
    #[error("the agent closed the connection")]
    Closed,
    /// The agent sent another frame than the one that was due.
    #[error("the agent sent {0} where another frame was due")]
    Unexpected(FrameType),
    /// Nothing came in time.
    #[error("nothing came from the agent in time")]
    Timeout(#[from] Elapsed),
}

impl InMemoryAgent {
    /// Starts the handlers on this arbiter.
    ///
    /// # Errors
    ///
    /// If two routes have the same name, a limit cannot work, or a handler does not start.
    pub async fn start(registry: Registry, limits: Limits) -> Result<Self, AgentError> {
        registry.check()?;
        limits.check()?;
        Ok(Self { supervisor: Supervisor::start(Arc::new(registry), limits).await? })
    }

    /// Opens a connection, and says nothing yet.
    #[must_use]
    pub fn open(&self) -> FakeHaproxy {
        let (ours, theirs) = duplex(IN_MEMORY_BUFFER);
        self.adopt(theirs);
        FakeHaproxy::new(ours)
    }

    /// Hands the agent's end of a stream over, as if it had been accepted.
    pub fn adopt(&self, stream: impl ByteStream) {
        self.supervisor.do_send(Adopt(Socket::InMemory(Box::new(stream))));
    }

    /// Opens a connection and says HELLO.
    ///
    /// # Errors
    ///
    /// If the agent does not agree.
    pub async fn connect(&self) -> Result<FakeHaproxy, FakeError> {
        let mut haproxy = self.open();
        haproxy.hello(hello()).await?;
        Ok(haproxy)
    }

    /// What the agent has seen and done so far.
    pub async fn statistics(&self) -> Statistics {
        self.supervisor.send(Report).await.unwrap_or_default()
    }

    /// Ends the agent in good order.
    pub async fn stop(&self) {
        let _ = self.supervisor.send(Stop).await;
    }
}

impl FakeHaproxy {
    /// Starts an agent in memory, connects to it and says HELLO.
    ///
    /// # Errors
    ///
    /// If the agent cannot start.
    pub async fn start(registry: Registry) -> Result<Self, FakeError> {
        InMemoryAgent::start(registry, Limits::default()).await?.connect().await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FakeHaproxy<S> {
    /// Takes a stream, and says nothing yet.
    pub fn new(stream: S) -> Self {
        let frames = Framed::new(stream, FrameCodec::default());
        Self { frames, next_stream: 1, patience: Duration::from_secs(5) }
    }

    /// Takes a stream and says HELLO, as HAProxy 3.2 does.
    ///
    /// # Errors
    ///
    /// If the agent does not agree.
    pub async fn connect(stream: S) -> Result<Self, FakeError> {
        let mut haproxy = Self::new(stream);
        haproxy.hello(hello()).await?;
        Ok(haproxy)
    }

    /// Waits so long for each frame.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Says HELLO, and checks the answer as HAProxy does.
    ///
    /// # Errors
    ///
    /// If the agent does not agree, or to something that was not offered.
    pub async fn hello(&mut self, hello: HaproxyHello) -> Result<AgentHello, FakeError> {
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

    /// Does what `option spop-check` does: HELLO with `healthcheck`, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the agent is not well.
    pub async fn healthcheck(mut self) -> Result<AgentHello, FakeError> {
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
    /// If another frame comes.
    pub async fn notify(&mut self, messages: impl Into<Messages>) -> Result<Actions, FakeError> {
        let sent = self.send_notify(messages).await?;
        let ack = self.ack().await?;
        match (ack.stream_id, ack.frame_id) {
            ids if ids == sent => Ok(ack.actions),
            _ => Err(FakeError::Unexpected(FrameType::ACK)),
        }
    }

    /// Sends a NOTIFY of a new stream, and waits for nothing.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send_notify(
        &mut self,
        messages: impl Into<Messages>,
    ) -> Result<(StreamId, FrameId), FakeError> {
        let (stream_id, frame_id) = (StreamId(self.next_stream), FrameId(1));
        self.next_stream += 2;
        let messages = messages.into();
        self.send(Frame::Notify(Notify { stream_id, frame_id, messages })).await?;
        Ok((stream_id, frame_id))
    }

    /// Waits for the next ACK, whichever NOTIFY it answers; puts it together from fragments.
    ///
    /// # Errors
    ///
    /// If another frame comes.
    pub async fn ack(&mut self) -> Result<Ack, FakeError> {
        match self.receive().await? {
            Frame::Ack(ack) => Ok(ack),
            Frame::Fragment(first) => self.reassemble(first).await,
            other => Err(other.into()),
        }
    }

    async fn reassemble(&mut self, first: Fragment) -> Result<Ack, FakeError> {
        let (stream_id, frame_id) = (first.stream_id, first.frame_id);
        let mut payload = first.payload.to_vec();
        loop {
            match self.receive().await? {
                Frame::Fragment(next)
                    if (next.stream_id, next.frame_id) == (stream_id, frame_id) =>
                {
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

    /// Says HAPROXY-DISCONNECT, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If another frame comes.
    pub async fn disconnect(mut self) -> Result<Disconnect, FakeError> {
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
    pub async fn send(&mut self, frame: Frame) -> Result<(), FakeError> {
        Ok(self.frames.send(frame).await?)
    }

    /// Sends any bytes.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), FakeError> {
        self.frames.get_mut().write_all(bytes).await?;
        Ok(self.frames.get_mut().flush().await?)
    }

    /// Waits for the next frame, whatever it is.
    ///
    /// # Errors
    ///
    /// If none comes.
    pub async fn receive(&mut self) -> Result<Frame, FakeError> {
        let next = timeout(self.patience, self.frames.next()).await?;
        Ok(next.ok_or(FakeError::Closed)??)
    }

    /// The stream itself, for what no method does.
    pub fn stream_mut(&mut self) -> &mut S {
        self.frames.get_mut()
    }
}

/// The HELLO of HAProxy 3.2 with its defaults.
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

impl From<Frame> for FakeError {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::AgentDisconnect(disconnect) => Self::Disconnected(disconnect),
            other => Self::Unexpected(other.frame_type()),
        }
    }
}

impl From<CodecError> for FakeError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Io(error),
            CodecError::Violation(violation) => Self::Violation(violation),
        }
    }
}
