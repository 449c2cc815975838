//! A peer of the agent that speaks bytes, right or wrong, over a socket of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Failure, FrameHead};

/// How long the agent may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The largest frame that it announces, which is HAProxy's default.
const MAX_FRAME_SIZE: usize = 16_380;

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
    pub async fn greet_with(mut self, max_frame_size: usize) -> Result<Self, Failure> {
        self.send(&hello_with(max_frame_size)).await?;
        let head = self.receive().await?;
        if head.frame_type == FrameHead::AGENT_HELLO {
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
        if (head.frame_type, head.stream_id) == (FrameHead::ACK, stream_id) {
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
        FrameHead::read(&frame).ok_or_else(|| Failure::new(format!("no frame: {frame:?}")))
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

/// A frame of these parts, with its length before it.
#[must_use]
pub fn frame(frame_type: u8, flags: u32, stream_id: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.push(frame_type);
    frame.extend(flags.to_be_bytes());
    let frame_id = u64::from(stream_id > 0);
    for id in [stream_id, frame_id] {
        put_varint(id, &mut frame);
    }
    frame.extend(payload);
    let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    frame.splice(..4, length.to_be_bytes());
    frame
}

/// A HAPROXY-HELLO as HAProxy says it.
#[must_use]
pub fn hello() -> Vec<u8> {
    hello_with(MAX_FRAME_SIZE)
}

fn hello_with(max_frame_size: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    put_text("supported-versions", &mut payload);
    payload.push(0x08);
    put_text("2.0", &mut payload);
    put_text("max-frame-size", &mut payload);
    payload.push(0x03);
    put_varint(max_frame_size as u64, &mut payload);
    put_text("capabilities", &mut payload);
    payload.push(0x08);
    put_text("pipelining", &mut payload);
    frame(FrameHead::HAPROXY_HELLO, 1, 0, &payload)
}

/// A NOTIFY of one message without arguments.
#[must_use]
pub fn notify(stream_id: u64, message: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    put_text(message, &mut payload);
    payload.push(0);
    frame(FrameHead::NOTIFY, 1, stream_id, &payload)
}

/// A NOTIFY of one message with this body, a string.
#[must_use]
pub fn notify_with(stream_id: u64, message: &str, body: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    put_text(message, &mut payload);
    payload.push(1);
    put_text("body", &mut payload);
    payload.push(0x08);
    put_text(body, &mut payload);
    frame(FrameHead::NOTIFY, 1, stream_id, &payload)
}

fn put_text(text: &str, output: &mut Vec<u8>) {
    put_varint(text.len() as u64, output);
    output.extend(text.as_bytes());
}

fn put_varint(mut value: u64, output: &mut Vec<u8>) {
    if value < 240 {
        return output.push(value as u8);
    }
    output.push(value as u8 | 0xf0);
    value = (value - 240) >> 4;
    while value >= 128 {
        output.push(value as u8 | 0x80);
        value = (value - 128) >> 7;
    }
    output.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::{frame, put_varint};
    use crate::FrameHead;

    #[test]
    fn varints_are_those_of_the_peers_protocol() {
        for (value, bytes) in [
            (239, &[0xef][..]),
            (240, &[0xf0, 0x00]),
            (2287, &[0xff, 0x7f]),
            (16_380, &[0xfc, 0xf0, 0x06]),
            (u64::MAX, &[0xff, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e]),
        ] {
            let mut written = Vec::new();
            put_varint(value, &mut written);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let frame = frame(3, 1, 300, b"rest");
        let (length, rest) = frame.split_first_chunk().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
        let head = FrameHead { frame_type: 3, flags: 1, stream_id: 300, frame_id: 1 };
        assert_eq!(FrameHead::read(rest), Some(head));
        assert!(rest.ends_with(b"rest"));
    }
}
