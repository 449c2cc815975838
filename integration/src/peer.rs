//! A peer of the agent that speaks bytes, right or wrong, over a socket of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use spoa_actors::Message;
use spoa_actors::spop::{
    Capabilities, Flags, Fragment, Frame, FrameHead, FrameId, FrameType, HaproxyHello, Notify,
    StreamId, VERSION,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Failure;

/// How long the agent may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The largest frame that it announces, which is HAProxy's default.
const MAX_FRAME_SIZE: u32 = 16_380;

/// One connection to the agent; closed when dropped.
#[derive(Debug)]
pub struct Peer(TcpStream);

impl Peer {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens, or no port is left to connect from.
    pub async fn connect(agent: SocketAddr) -> Result<Self, Failure> {
        let connected = in_time(TcpStream::connect(agent)).await;
        connected.map(Self).map_err(Failure::during(format!("cannot connect to {agent}")))
    }

    /// Exchanges HELLOs.
    ///
    /// # Errors
    /// The agent does not answer with a HELLO.
    pub async fn greet(self) -> Result<Self, Failure> {
        self.greet_with(MAX_FRAME_SIZE).await
    }

    /// Exchanges HELLOs, and announces this max-frame-size.
    ///
    /// # Errors
    /// The agent does not answer with a HELLO.
    pub async fn greet_with(mut self, max_frame_size: u32) -> Result<Self, Failure> {
        self.send(&hello_with(max_frame_size)).await?;
        let head = self.receive().await?;
        if head.frame_type == FrameType::AGENT_HELLO {
            return Ok(self);
        }
        Err(Failure::new(format!("the agent has answered HELLO by {head:?}")))
    }

    /// Sends a NOTIFY of one message without arguments, and waits for its ACK.
    ///
    /// # Errors
    /// There is none.
    pub async fn ask(&mut self, stream_id: u64, message: &str) -> Result<(), Failure> {
        self.send(&notify(stream_id, message)).await?;
        let head = self.receive().await?;
        if (head.frame_type, head.stream_id.0) == (FrameType::ACK, stream_id) {
            return Ok(());
        }
        Err(Failure::new(format!("the agent has answered a NOTIFY by {head:?}")))
    }

    /// The socket, for threads that block.
    ///
    /// # Errors
    /// The runtime does not give it back.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        let stream = self.0.into_std()?;
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// The agent has closed the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.write_all(bytes).await.map_err(Failure::during("the agent does not take bytes"))
    }

    /// Reads one frame, and gives its head.
    ///
    /// # Errors
    /// None comes.
    pub async fn receive(&mut self) -> Result<FrameHead, Failure> {
        let frame = in_time(async {
            let mut frame = vec![0; self.0.read_u32().await? as usize];
            self.0.read_exact(&mut frame).await.map(|_| frame)
        });
        let frame = frame.await.map_err(Failure::during("no frame of the agent"))?;
        let (head, _) =
            FrameHead::read(&frame).map_err(Failure::during("no frame of the agent"))?;
        Ok(head)
    }

    /// Closes its side, and waits until the agent has closed the other.
    ///
    /// # Errors
    /// The agent keeps it open.
    pub async fn close(mut self) -> Result<(), Failure> {
        let _ = self.0.shutdown().await; // it fails if the agent was first
        self.closed().await
    }

    /// Reads until the agent has closed the connection, in whatever way.
    ///
    /// # Errors
    /// It keeps it open.
    pub async fn closed(&mut self) -> Result<(), Failure> {
        let mut rest = Vec::new();
        let read = timeout(ANSWER_LIMIT, self.0.read_to_end(&mut rest)).await;
        read.map(|_| ()).map_err(Failure::during("the agent keeps the connection open"))
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(ANSWER_LIMIT, work).await.unwrap_or_else(|late| Err(late.into()))
}

/// A frame of these parts, with its length before it: right or wrong.
#[must_use]
pub fn frame(frame_type: FrameType, flags: Flags, stream_id: u64, payload: &[u8]) -> Vec<u8> {
    let (stream_id, frame_id) = (StreamId(stream_id), FrameId(u64::from(stream_id > 0)));
    let payload = payload.to_vec().into();
    written(&Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload }))
}

/// A HAPROXY-HELLO as HAProxy says it.
#[must_use]
pub fn hello() -> Vec<u8> {
    hello_with(MAX_FRAME_SIZE)
}

fn hello_with(max_frame_size: u32) -> Vec<u8> {
    written(&Frame::HaproxyHello(HaproxyHello {
        supported_versions: VERSION.to_owned(),
        max_frame_size,
        capabilities: Capabilities { pipelining: true, ..Capabilities::default() },
        engine_id: None,
        healthcheck: false,
    }))
}

/// A NOTIFY of one message without arguments.
#[must_use]
pub fn notify(stream_id: u64, message: &str) -> Vec<u8> {
    notify_of(stream_id, Message::new(message))
}

/// A NOTIFY of one message with this body, a string.
#[must_use]
pub fn notify_with(stream_id: u64, message: &str, body: &str) -> Vec<u8> {
    notify_of(stream_id, Message::new(message).arg("body", body))
}

fn notify_of(stream_id: u64, message: Message) -> Vec<u8> {
    let (stream_id, frame_id) = (StreamId(stream_id), FrameId(1));
    written(&Frame::Notify(Notify { stream_id, frame_id, messages: message.into() }))
}

fn written(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}
