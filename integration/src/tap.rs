//! A recording relay between HAProxy and the agent.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use spoa_actors::spop::{FrameHead, FrameType};

use crate::task::Task;
use crate::{Endpoint, Failure, until};

/// HAProxy's server line names [`endpoint`](Self::endpoint); bytes pass unchanged both ways.
#[derive(Debug)]
pub struct Tap {
    endpoint: Endpoint,
    connections: Arc<AtomicUsize>,
    record: Record,
    cuts: Cuts,
    _listener: Task,
}

type Record = Arc<Mutex<Vec<Chunk>>>;

/// What ends each connection.
type Cuts = Arc<Mutex<HashMap<usize, oneshot::Sender<()>>>>;

/// Which way bytes went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// HAPROXY-HELLO, NOTIFY, HAPROXY-DISCONNECT.
    ToAgent,
    /// AGENT-HELLO, ACK, AGENT-DISCONNECT.
    ToHaproxy,
}

/// What one read gave; empty when that side has closed.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Connections are numbered from 0 as they are accepted.
    pub connection: usize,
    /// Which way.
    pub direction: Direction,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A whole frame that went by.
#[derive(Clone, Debug)]
pub struct SeenFrame {
    /// The connection, as in [`Chunk`].
    pub connection: usize,
    /// Which way.
    pub direction: Direction,
    /// The place in [`Tap::chunks`] of the bytes that made it whole: a clock over all connections.
    pub order: usize,
    /// Type, flags and ids.
    pub head: FrameHead,
    /// All bytes of the frame after its length.
    pub bytes: Vec<u8>,
}

impl SeenFrame {
    /// Stream-id and frame-id.
    #[must_use]
    pub fn ids(&self) -> (u64, u64) {
        (self.head.stream_id.0, self.head.frame_id.0)
    }
}

impl Tap {
    /// Listens on a free loopback port, and connects to `agent` for each connection taken.
    ///
    /// # Errors
    /// Loopback cannot be bound.
    pub async fn before(agent: impl Into<Endpoint>) -> Result<Self, Failure> {
        let failed = || Failure::during("the tap cannot listen");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
        let endpoint = listener.local_addr().map_err(failed())?.into();
        let connections = Arc::new(AtomicUsize::new(0));
        let (record, cuts) = (Record::default(), Cuts::default());
        let numbers = Arc::clone(&connections);
        let accepting =
            accept(listener, agent.into(), numbers, Arc::clone(&record), Arc::clone(&cuts));
        Ok(Self { endpoint, connections, record, cuts, _listener: Task::spawn(accepting) })
    }

    /// Where HAProxy must connect.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How many connections it has taken.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes a connection on both sides at once, whatever is under way there.
    pub fn cut(&self, connection: usize) {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.remove(&connection);
    }

    /// Everything so far, of all connections, in the order in which it passed.
    #[must_use]
    pub fn chunks(&self) -> Vec<Chunk> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The whole frames so far, in the order in which their last byte passed.
    #[must_use]
    pub fn frames(&self) -> Vec<SeenFrame> {
        let chunks = self.chunks();
        let mut frames = Vec::new();
        for connection in 0..self.connections() {
            for direction in [Direction::ToAgent, Direction::ToHaproxy] {
                frames.extend(frames_of(&chunks, connection, direction));
            }
        }
        frames.sort_by_key(|frame| frame.order);
        frames
    }

    /// Stream-id and frame-id of each frame of one type, in order: the NOTIFYs, the ACKs.
    #[must_use]
    pub fn ids(&self, frame_type: FrameType) -> Vec<(u64, u64)> {
        let frames = self.frames().into_iter();
        frames.filter(|f| f.head.frame_type == frame_type).map(|f| f.ids()).collect()
    }

    /// Waits until so many frames of one type have passed, and returns all frames.
    ///
    /// # Errors
    /// Fewer passed within `limit`; with the frames that did.
    pub async fn seen(
        &self,
        frame_type: FrameType,
        count: usize,
        limit: Duration,
    ) -> Result<Vec<SeenFrame>, Failure> {
        let what = format!("{count} frames of type {frame_type}");
        let enough = async || Some(self.frames()).filter(|_| self.ids(frame_type).len() >= count);
        let seen = until(&what, limit, enough).await;
        seen.map_err(|failure| failure.with("frames", &format!("{:#?}", self.frames())))
    }
}

fn frames_of(chunks: &[Chunk], connection: usize, direction: Direction) -> Vec<SeenFrame> {
    let mut stream = Vec::new();
    let mut ends = Vec::new(); // how long the stream was after each chunk
    for (order, chunk) in chunks.iter().enumerate() {
        if chunk.connection == connection && chunk.direction == direction {
            stream.extend_from_slice(&chunk.bytes);
            ends.push((stream.len(), order));
        }
    }
    let order_of = |end| ends.iter().find(|(size, _)| *size >= end).map(|(_, order)| *order);
    let seen = |(end, frame): (usize, &[u8])| {
        let (head, _) = FrameHead::read(frame).ok()?;
        let bytes = frame.to_vec();
        Some(SeenFrame { connection, direction, order: order_of(end)?, head, bytes })
    };
    cut(&stream).into_iter().filter_map(seen).collect()
}

/// Cuts whole frames off the front: each with its bytes after the length, and the offset of its end.
fn cut(mut stream: &[u8]) -> Vec<(usize, &[u8])> {
    let mut frames = Vec::new();
    let mut end = 0;
    while let Some((length, rest)) = stream.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((frame, rest)) = rest.split_at_checked(length) else {
            break;
        };
        end += 4 + length;
        frames.push((end, frame));
        stream = rest;
    }
    frames
}

async fn accept(
    listener: TcpListener,
    agent: Endpoint,
    connections: Arc<AtomicUsize>,
    record: Record,
    cuts: Cuts,
) {
    while let Ok((haproxy, _)) = listener.accept().await {
        let connection = connections.fetch_add(1, Ordering::Relaxed);
        let (agent, record) = (agent.clone(), Arc::clone(&record));
        let (cut, is_cut) = oneshot::channel();
        cuts.lock().unwrap_or_else(PoisonError::into_inner).insert(connection, cut);
        tokio::spawn(async move {
            tokio::select! {
                () = connect(haproxy, agent, connection, record) => {}
                _ = is_cut => {}
            }
        });
    }
}

async fn connect(haproxy: TcpStream, agent: Endpoint, connection: usize, record: Record) {
    let _ = haproxy.set_nodelay(true);
    if let Ok(agent) = agent.of_client().connect().await {
        relay(haproxy, agent, connection, record).await;
    }
}

async fn relay(
    haproxy: TcpStream,
    agent: impl AsyncRead + AsyncWrite,
    connection: usize,
    record: Record,
) {
    let (haproxy_reads, haproxy_writes) = haproxy.into_split();
    let (agent_reads, agent_writes) = tokio::io::split(agent);
    let note = |direction| {
        let record = Arc::clone(&record);
        move |bytes: &[u8]| {
            let chunk = Chunk { connection, direction, bytes: bytes.to_vec() };
            record.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
        }
    };
    tokio::join!(
        pump(haproxy_reads, agent_writes, note(Direction::ToAgent)),
        pump(agent_reads, haproxy_writes, note(Direction::ToHaproxy)),
    );
}

/// Copies until one side has closed, and passes the close on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    note: impl Fn(&[u8]),
) {
    let mut buffer = vec![0; 65_536];
    loop {
        let size = from.read(&mut buffer).await.unwrap_or(0);
        let bytes = buffer.get(..size).unwrap_or_default();
        note(bytes); // before the write, so that an answer is never recorded earlier
        if size == 0 || to.write_all(bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
